#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a real program twice, without libmm and under it, and compares.

usage: run.py [--long] LIBRARY TOP NAME
       run.py [--long] --list

rows.py and tracers.py say what each program does. Standard output, normalised,
and exit status of every command have to be the same in both runs, and the
plain run has to succeed. Exits 77 if the program is not installed.
"""
import difflib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import rows
import tracers  # noqa: F401: has rows, too

NOBODY = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
# The kernel ends a process with its parent, even one that was killed.
DIES_WITH_US = ['setpriv', '--pdeathsig', 'KILL']


class Failed(Exception):
    """What is wrong, in words for the person who reads the test log."""


class Run:
    """One run of one row: where it works, and what it has printed so far."""

    def __init__(self, place, top, library, long):
        self.top, self.long = top, long
        self.dir = place / 'work'
        self.preloaded = library is not None
        self.log = []
        self.servers = []
        self.env = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin',
                    'HOME': str(self.dir), 'TMPDIR': str(self.dir),
                    'LC_ALL': 'C', 'TZ': 'UTC'}
        if self.preloaded:
            self.env['LD_PRELOAD'] = str(library)
            self.env['MM_OPTIONS'] = os.environ.get('MM_OPTIONS', '')
        self.dir.mkdir()
        self.dir.chmod(0o777)

    def scale(self, short, long):
        """How much of something to do."""
        return long if self.long else short

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def _start(self, argv, unprivileged, out):
        argv = DIES_WITH_US + [str(word) for word in argv]
        if unprivileged and os.geteuid() == 0:
            argv = NOBODY + argv
        with open(self.dir / 'stderr', 'ab') as err:
            return subprocess.Popen(argv, cwd=self.dir, env=self.env,
                                    stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=err, start_new_session=True)

    def cmd(self, *argv, timeout=120, hide=(), unprivileged=False):
        """Runs a command and notes what it printed, without what matches
        one of the patterns in hide, and its exit status."""
        process = self._start(argv, unprivileged, subprocess.PIPE)
        # twenty to thirty times as long, where a shell forks all the time
        if 'swap_stress' in self.env.get('MM_OPTIONS', ''):
            timeout *= 3
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f'{argv[0]} hangs: {timeout} s') from None
        finally:
            end_group(process)
        text = out.decode(errors='replace')
        for pattern in hide:
            text = re.sub(pattern, '', text, flags=re.M)
        self.log += [f'$ {argv[-1]}', *text.splitlines(),
                     f'exit status {process.returncode}']
        if process.returncode:
            raise Failed(f'exit status {process.returncode} of {argv}')
        return text

    def sh(self, script, **kwargs):
        """Runs a bash script that ends at its first error."""
        return self.cmd('bash', '-euo', 'pipefail', '-c', script, **kwargs)

    def server(self, *argv, ready, unprivileged=False):
        """Starts a server and waits until the file `ready` is there."""
        process = self._start(argv, unprivileged, subprocess.DEVNULL)
        self.servers.append(process)
        for _ in range(300):
            if (self.dir / ready).exists():
                break
            if process.poll() is not None:
                raise Failed(f'{argv[0]} ends at once')
            time.sleep(0.1)
        else:
            raise Failed(f'{argv[0]} does not come up')
        maps = pathlib.Path(f'/proc/{process.pid}/maps').read_text()
        if ('libmm.so' in maps) != self.preloaded:
            raise Failed(f'libmm is not where it should be in {argv[0]}')
        return process

    def stop(self, process, how=signal.SIGTERM):
        """Asks a server to end, and notes how it did."""
        process.send_signal(how)
        try:
            self.log.append(f'server ended: {process.wait(30)}')
        except subprocess.TimeoutExpired:
            raise Failed('the server does not end') from None

    def finish(self):
        for process in self.servers:
            end_group(process)

    def diagnosis(self):
        text = (self.dir / 'stderr').read_text(errors='replace')
        return '\n'.join(self.log[-20:] + text.splitlines()[-40:])


def end_group(process):
    """Ends a process and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def once(row, *args):
    """One run; what it logged."""
    run = Run(*args)
    how = 'under libmm' if run.preloaded else 'without libmm'
    start = time.monotonic()
    try:
        row.steps(run)
    except Failed as error:
        print(f'{row.name}: {how}: {error}\n{run.diagnosis()}')
        sys.exit(1)
    finally:
        run.finish()
        shutil.rmtree(run.dir, ignore_errors=True)
    print(f'{row.name}: {how}: {time.monotonic() - start:.1f} s, '
          f'{len(run.log)} lines compared')
    return run.log


def libmm_is_there(library):
    """Is it in the address space, and does malloc ask it for memory?"""
    env = dict(os.environ, LD_PRELOAD=str(library), MM_OPTIONS='stats=exit')
    show = 'print(open("/proc/self/maps").read())'
    out = subprocess.run([sys.executable, '-c', show], env=env,
                         capture_output=True, text=True, check=True)
    return str(library) in out.stdout and '== buddyinfo ==' in out.stderr


def compare(row, library, top, long):
    missing = [need for need in row.needs
               if not shutil.which(need, path='/usr/sbin:/usr/bin:/bin')
               and not pathlib.Path(need).exists()]
    if missing:
        print(f'skipped: no {", ".join(missing)}')
        return 77
    with tempfile.TemporaryDirectory(prefix='mm-') as name:
        place = pathlib.Path(name)
        place.chmod(0o755)
        # Where every user may read it, whatever the checkout's own mode.
        mine = place / 'libmm.so'
        shutil.copy(library, mine)
        mine.chmod(0o755)
        if not libmm_is_there(mine):
            print('libmm is not in a preloaded process')
            return 1
        plain = once(row, place, top, None, long)
        under = once(row, place, top, mine, long)
    for line in difflib.unified_diff(plain, under, 'plain', 'libmm', n=1,
                                     lineterm=''):
        print(line)
    return int(plain != under)


def main():
    args = sys.argv[1:]
    long = '--long' in args
    if long:
        args.remove('--long')
    if args == ['--list']:
        print('\n'.join(row.name for row in rows.ROWS
                        if (row.has_long if long else row.has_short)))
        return 0
    library, top, name = args
    # A handler, so that what was started ends with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    row = next(row for row in rows.ROWS if row.name == name)
    return compare(row, library, pathlib.Path(top).resolve(), long)


if __name__ == '__main__':
    sys.exit(main())
