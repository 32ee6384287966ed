#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The views of stats=exit go to standard error, and nowhere else.

usage: stats_fd.py LIBMM

A program closes all descriptors but the first three, as daemons do, and opens
files of its own until it has the numbers that others had.
"""
import os
import subprocess
import sys
import tempfile

PROGRAM = """
import os, sys
os.closerange(0 if sys.argv[2] == 'all' else 3, 500)
while os.open(sys.argv[1], os.O_RDWR) < 130:
    pass
os.write(120, b'mine')
"""


def main():
    failed = 0
    for closed, shown in (("some", True), ("all", False)):
        with tempfile.NamedTemporaryFile() as file:
            env = dict(os.environ, LD_PRELOAD=os.path.abspath(sys.argv[1]),
                       MM_OPTIONS="stats=exit")
            said = subprocess.run(
                [sys.executable, "-c", PROGRAM, file.name, closed],
                env=env, stderr=subprocess.PIPE, check=True).stderr
            contents = file.read()
        if contents != b"mine":
            print(f"{closed} closed: the file has {contents[:40]!r}")
            failed = 1
        if (b"== buddyinfo ==" in said) != shown:
            print(f"{closed} closed: standard error has {said[:40]!r}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
