#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small program's resident memory is at most the libc's and 300 KiB.

Usage: footprint.py LIBMM PROGRAM

Of the pages that all programs share, those of the libc and of the dynamic
loader do not count: the kernel maps them 64 KiB at a time, and where address
space randomization puts the libc decides how many. libmm's own do count.

Of libmm's code one such piece is there, also if there were threads.
"""
import os
import re
import statistics
import subprocess
import sys

RUNS = 9
MAX_MORE_KIB = 300
PIECE_KIB = 64
THREADS = 4
SHARED = re.compile(r"/(libc\.so\.6|ld-linux[^/]*)$")


def resident_kib(pid, libmm):
    """Of the process, and of libmm's code."""
    total, code, counts, is_code = 0, 0, True, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        for line in smaps:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                counts = not SHARED.search(line.rstrip())
                is_code = bool(libmm) and " r-xp " in line and libmm in line
            elif line.startswith("Rss:"):
                total += counts and int(line.split()[1])
                code += is_code and int(line.split()[1])
    return total, code


def run(program, libmm, threads):
    env = {k: v for k, v in os.environ.items()
           if k not in ("MALLOC_PERTURB_", "LD_PRELOAD", "MM_OPTIONS")}
    if libmm:
        env["LD_PRELOAD"] = libmm
    with subprocess.Popen([program, str(threads)], env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        if child.stdout.read(1) != b"\n":
            sys.exit("the program does not get as far as it should")
        resident = resident_kib(child.pid, libmm)
        child.stdin.close()
        if child.wait(30):
            sys.exit(f"the program exits {child.returncode}")
    return resident


def main():
    libmm, program = map(os.path.realpath, sys.argv[1:3])
    failed = False
    for threads in (0, THREADS):
        runs = [(run(program, None, threads)[0], *run(program, libmm, threads))
                for _ in range(RUNS)]
        libc, mm, code = map(statistics.median, zip(*runs))
        print(f"{threads} threads: RSS: libc {libc} KiB, libmm {mm} KiB, "
              f"{mm - libc:+} KiB, of it code {code} KiB")
        failed |= code > PIECE_KIB or (not threads and
                                       mm > libc + MAX_MORE_KIB)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
