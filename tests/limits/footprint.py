#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small program's resident memory is at most the libc's and 300 KiB.

Usage: footprint.py LIBMM PROGRAM

Of the pages that all programs share, those of the libc and of the dynamic
loader do not count: the kernel maps them 64 KiB at a time, and where address
space randomization puts the libc decides how many. libmm's own do count.
"""
import os
import re
import statistics
import subprocess
import sys

RUNS = 9
MAX_MORE_KIB = 300
SHARED = re.compile(r"/(libc\.so\.6|ld-linux[^/]*)$")


def resident_kib(pid):
    total, counts = 0, True
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        for line in smaps:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                counts = not SHARED.search(line.rstrip())
            elif line.startswith("Rss:") and counts:
                total += int(line.split()[1])
    return total


def run(program, libmm):
    env = {k: v for k, v in os.environ.items()
           if k not in ("MALLOC_PERTURB_", "LD_PRELOAD", "MM_OPTIONS")}
    if libmm:
        env["LD_PRELOAD"] = libmm
    with subprocess.Popen([program], env=env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        if child.stdout.read(1) != b"\n":
            sys.exit("the program does not get as far as it should")
        kib = resident_kib(child.pid)
        child.stdin.close()
        if child.wait(30):
            sys.exit(f"the program exits {child.returncode}")
    return kib


def main():
    libmm, program = map(os.path.abspath, sys.argv[1:3])
    runs = [(run(program, None), run(program, libmm)) for _ in range(RUNS)]
    libc, mm = map(statistics.median, zip(*runs))
    print(f"RSS: libc {libc} KiB, libmm {mm} KiB, {mm - libc:+} KiB")
    return 0 if mm <= libc + MAX_MORE_KIB else 1


if __name__ == "__main__":
    sys.exit(main())
