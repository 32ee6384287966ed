#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peak RSS of a small program is at most the libc's and 300 KiB.

Usage: footprint.py LIBMM PROGRAM
"""
import os
import statistics
import subprocess
import sys

RUNS = 15
MAX_MORE_KIB = 300


def peak_kib(program, libmm):
    env = {k: v for k, v in os.environ.items()
           if k not in ("MALLOC_PERTURB_", "LD_PRELOAD", "MM_OPTIONS")}
    if libmm:
        env["LD_PRELOAD"] = libmm
    out = subprocess.run([program], env=env, check=True, timeout=30,
                         stdout=subprocess.PIPE).stdout
    return int(out)


def main():
    libmm, program = map(os.path.abspath, sys.argv[1:3])
    runs = [(peak_kib(program, None), peak_kib(program, libmm))
            for _ in range(RUNS)]
    libc, mm = map(statistics.median, zip(*runs))
    print(f"peak RSS: libc {libc} KiB, libmm {mm} KiB, {mm - libc:+} KiB")
    return 0 if mm <= libc + MAX_MORE_KIB else 1


if __name__ == "__main__":
    sys.exit(main())
