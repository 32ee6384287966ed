#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many instructions does libmm need for an operation, on average?

usage: golden.py LIBRARY PROGRAM

Runs each workload of golden.c under callgrind, twice with different numbers of
operations, so that what start-up costs drops out. Counted is what is executed
in the library itself: neither the program nor libc's memset, which differs
from one processor to the next. Skips (77) without Valgrind, and where the
counts are of another instruction set.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

# Workload: operations of the short and of the long run, and the most
# instructions per operation. A bound is the figure of gcc 12 and 3 % on top:
# when a count falls, or rises for a good reason, take the figure that this test
# prints and add 3 % again.
WORKLOADS = {
    'pairs': (10_000, 40_000, 31.7),
    'mixed': (30_000, 90_000, 54.3),
    'batches': (20_000, 60_000, 46.3),
    'runs': (8_000, 24_000, 2997),
    'handover': (20_000, 60_000, 239),
}
# Neither the nodes of the machine nor the options of the user may count.
OPTIONS = 'numa=off'


def skip(why):
    print('skipped:', why)
    sys.exit(77)


def own_cost(profile, library):
    """The instructions in the library, callees elsewhere left out."""
    names, inside, inclusive, total = {}, False, False, 0
    for line in profile:
        if m := re.match(r'(c?)ob=(\(\d+\))(?: (.*))?', line):
            names.setdefault(m[2], m[3])
            if not m[1]:
                inside = names[m[2]] == library
        elif line.startswith('calls='):
            inclusive = True
        elif m := re.match(r'[-+*\d]\S* (\d+)$', line):
            if inside and not inclusive:
                total += int(m[1])
            inclusive = False
    return total


def count(library, program, workload, operations):
    env = {'PATH': os.environ['PATH'], 'LD_PRELOAD': library,
           'MM_OPTIONS': OPTIONS}
    with tempfile.NamedTemporaryFile('r', prefix='golden-') as profile:
        subprocess.run(['valgrind', '-q', '--tool=callgrind',
                        f'--callgrind-out-file={profile.name}',
                        program, workload, str(operations)],
                       env=env, check=True, timeout=60)
        return own_cost(profile, library)


def main():
    library, program = map(os.path.realpath, sys.argv[1:3])
    if platform.machine() != 'x86_64':
        skip(f'no bounds for {platform.machine()}')
    if not shutil.which('valgrind'):
        skip('no valgrind')
    bad = 0
    for workload, (few, many, bound) in WORKLOADS.items():
        more = count(library, program, workload, many) - \
            count(library, program, workload, few)
        measured = more / (many - few)
        verdict = 'ok' if 0 < measured <= bound else 'FAIL'
        bad += verdict != 'ok'
        print(f'{verdict} {workload}: {measured:.2f} instructions per '
              f'operation, at most {bound}')
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
