#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Are the figures of swap in the JSON object, and do they fit together?

usage: figures.py LIBRARY PROGRAM

PROGRAM swaps its heap out and touches it again; see faults.c.
"""
import json
import os
import subprocess
import sys
import tempfile


def run(library, program, path):
    env = dict(os.environ, LD_PRELOAD=library,
               MM_OPTIONS=f'swap=1G,stats=json:{path}')
    subprocess.run([program], env=env, check=True)
    with open(path, encoding='ascii') as f:
        return json.load(f)


def main():
    library, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as d:
        figures = run(library, program, os.path.join(d, 'figures.json'))
    info, vmstat = figures['swapinfo'], figures['vmstat']
    print(info)
    assert 0 < info['FaultP50'] <= info['FaultP99'], info
    assert info['Errors'] == 0, info
    assert info['Compressed'] <= info['Pool'] + info['File'], info
    assert vmstat['pswpout'] > 0, vmstat
    assert vmstat['pswpin'] >= vmstat['workingset_refault'] > 0, vmstat
    assert vmstat['pgsteal'] >= vmstat['pswpout'], vmstat


if __name__ == '__main__':
    main()
