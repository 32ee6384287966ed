#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libmm loads into a running Python, and its heap works beside the libc's.

Usage: ctypes_load.py LIBMM
"""
import ctypes
import os
import sys
import threading


def use(lib):
    for n in (1, 100, 5000, 100000, 3 << 20, 200 << 20):
        p = lib.malloc(n)
        assert p, n
        ctypes.memset(p, 0x5a, min(n, 1 << 20))
        assert ctypes.string_at(p + min(n, 1 << 20) - 1, 1) == b"\x5a"
        lib.free(p)


def main():
    lib = ctypes.CDLL(os.path.abspath(sys.argv[1]))
    lib.malloc.restype = ctypes.c_void_p
    lib.malloc.argtypes = [ctypes.c_size_t]
    lib.free.restype = None
    lib.free.argtypes = [ctypes.c_void_p]
    lib.mm_version.restype = ctypes.c_char_p
    print("libmm", lib.mm_version().decode())
    failures = []

    def worker():
        try:
            for _ in range(20):
                use(lib)
        except AssertionError as e:
            failures.append(e)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
