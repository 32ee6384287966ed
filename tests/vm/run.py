#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs one case of cases.py in a virtual machine.

usage: run.py LIBRARY PROGRAMS CASE KERNEL
       run.py --list

PROGRAMS is the directory with the test programs; kernels are kept there, too.
Exits 77 if something the case needs is not to be had.
"""
import shutil
import signal
import sys
import textwrap
from pathlib import Path

import vm
from cases import CASES, HERE
from kernels import Unavailable, kernel

# Programs of this machine that the guest gets under these names. Its own, of
# busybox, are static: LD_PRELOAD is nothing to them.
TOOLS = {'numactl': 'numactl', 'cat': 'cat_dynamic'}


def guest_files(case, library, programs):
    """Pairs (path here, path in the guest)."""
    files = [(library, '/lib/libmm.so')]
    files += [(path, f'/usr/bin/{path.name[3:]}')
              for path in programs.glob('vm-*') if path.is_file()]
    for tool, name in TOOLS.items():
        path = shutil.which(tool, path='/usr/bin:/bin')
        if not path:
            raise Unavailable(f'no {tool}')
        files.append((path, f'/usr/bin/{name}'))
    for wanted in case.files():
        pair = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        if not Path(pair[0]).exists():
            raise Unavailable(f'no {pair[0]}')
        files.append(pair)
    return files


def main():
    if sys.argv[1:] == ['--list']:
        for case in CASES:
            print(case.name, *case.kernels)
        return 0
    library, programs = Path(sys.argv[1]), Path(sys.argv[2])
    case = next(case for case in CASES if case.name == sys.argv[3])
    # An exception, so that what was made is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    script = ((HERE / 'prelude.sh').read_text()
              + textwrap.dedent(case.commands) + 'exit $failed\n')
    return vm.run(case.machine, kernel(sys.argv[4], programs / 'kernels'),
                  script, guest_files(case, library, programs))


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Unavailable as why:
        print(f'skipped: {why}')
        sys.exit(vm.SKIPPED)
