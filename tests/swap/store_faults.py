#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The store has no room, no file, or may not be used at all: the program goes on.

usage: store_faults.py LIBMM PROGRAM LIMITED

PROGRAM (faults.c) writes and verifies a heap many times. Whatever the store
cannot do, its data must be right and its exit status 0; where libmm does
without something that was asked for, one line on standard error says so.
LIMITED (limit.c) looks for the peak of its memory as well: a disk that does
nothing for seconds is waited for.
"""
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

libmm, program, limited = sys.argv[1:]
STRESS = 'swap=1G,swap_stress=on,swap_pool=1M'
failed = []
ran = 0


def run(name, options, lines, preexec=None, prefix=(), what=None):
    """Run it; lines: how many libmm must write, or None for at most one."""
    global ran
    env = dict(os.environ, MM_OPTIONS=options)
    command = [*prefix, 'env', 'LD_PRELOAD=' + libmm, *(what or [program])]
    try:
        p = subprocess.run(command, env=env, preexec_fn=preexec, timeout=120,
                           stdin=subprocess.DEVNULL, capture_output=True,
                           text=True)
        status, said = p.returncode, p.stderr.splitlines()
    except subprocess.TimeoutExpired:
        status, said = 'hangs', []
    ran += 1
    bad = []
    if status != 0:
        bad.append(f'exit status {status}')
    if lines is None and len(said) > 1 or lines is not None and len(said) != lines:
        bad.append(f'{len(said)} lines on standard error')
    if any(not line.startswith('mm: ') for line in said):
        bad.append('a line that is not from libmm')
    print(f'{name}: {"; ".join(bad) or "ok"}', *said[:5], sep='\n  ')
    if bad:
        failed.append(name)


@contextlib.contextmanager
def directory(mode=0o777):
    path = tempfile.mkdtemp(dir='/var/tmp')
    os.chmod(path, mode)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def mounted(*args):
    """A small file system; yields None where one may not mount."""
    with directory() as path:
        if subprocess.run(['mount', *args, path], capture_output=True).returncode:
            yield None
            return
        try:
            yield path
        finally:
            subprocess.run(['umount', '-l', path], check=False)


def fill(path):
    """Leave no room in a file system."""
    with contextlib.suppress(OSError), open(path + '/full', 'wb', 0) as f:
        while True:
            f.write(b'x' * 65536)


def file_size_limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, 256 << 10))


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))


@contextlib.contextmanager
def ext4(megabytes):
    """A file system on a file; yields None where that cannot be made."""
    with directory() as work:
        image = work + '/image'
        with open(image, 'wb') as f:
            f.truncate(megabytes << 20)
        if not shutil.which('mkfs.ext4') or subprocess.run(
                ['mkfs.ext4', '-q', image], capture_output=True).returncode:
            yield None
            return
        with mounted('-o', 'loop', image) as path:
            yield path


def small_file_systems():
    for kind, file_system in (
            ('tmpfs', mounted('-t', 'tmpfs', '-o', 'size=2M', 'tmpfs')),
            ('ext4', ext4(8))):
        with file_system as path:
            if not path:
                print(f'{kind}: not to be had here')
                continue
            run(f'{kind}, small', f'{STRESS},swap_dir={path}', 1)
            fill(path)
            run(f'{kind}, full', f'{STRESS},swap_dir={path}', 1)


def slow_disk():
    """Writes wait while a file system is frozen."""
    def freeze(path):
        time.sleep(2)
        subprocess.run(['fsfreeze', '-f', path], check=True)
        time.sleep(4)
        subprocess.run(['fsfreeze', '-u', path], check=True)

    with ext4(1024) as path:
        if not path or not shutil.which('fsfreeze'):
            print('a slow disk: not to be had here')
            return
        frozen = threading.Thread(target=freeze, args=[path])
        frozen.start()
        run('a slow disk', f'swap=512M,limit=32M,swap_dir={path}', 0,
            what=[limited, '32', '8'])
        frozen.join()


def as_nobody():
    """An ordinary user is refused, in one line, unless the system lets him."""
    with open('/proc/sys/vm/unprivileged_userfaultfd') as f:
        allowed = f.read().strip() != '0'
    allowed |= os.access('/dev/userfaultfd', os.F_OK) and bool(
        os.stat('/dev/userfaultfd').st_mode & 0o006)
    with directory(0o755) as path:
        global libmm, program
        mine = libmm, program
        libmm, program = (shutil.copy(f, path) for f in mine)
        for f in libmm, program:
            os.chmod(f, 0o755)
        nobody = ['setpriv', '--reuid=65534', '--regid=65534',
                  '--clear-groups']
        run('an ordinary user', STRESS, 0 if allowed else 1, prefix=nobody)
        # without swap malloc does not fail at a limit that was for swap
        run('an ordinary user with a limit', 'swap=1G,limit=4M',
            0 if allowed else 1, prefix=nobody)
        libmm, program = mine


if os.geteuid() != 0:
    print('skipped: not root')
    sys.exit(77)
run('nothing wrong', STRESS, 0)
run('no such directory', STRESS + ',swap_dir=/nonexistent/swap', 1)
run('a file for a directory', STRESS + ',swap_dir=/etc/passwd', 1)
run('a read-only file system', STRESS + ',swap_dir=/proc/sys', 1)
run('limit of the file size', STRESS, 1, preexec=file_size_limit)
run('hardly any descriptors', STRESS, None, preexec=few_descriptors)
run('a file of 1M', STRESS.replace('1G', '1M'), 1)
run('limit, a file of 1M', 'swap=1M,limit=40M,swap_pool=1M', 1)
small_file_systems()
slow_disk()
if shutil.which('setpriv'):
    as_nobody()
print(f'{ran} runs, {len(failed)} failed')
sys.exit(bool(failed))
