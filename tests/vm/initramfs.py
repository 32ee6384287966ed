# SPDX-License-Identifier: MIT
"""A root file system for a virtual machine, as a cpio archive.

busybox, the files that are wanted and the shared libraries they need. It is
not compressed: the guest would have to undo that under emulation. The format
is "newc", see Linux's Documentation/driver-api/early-userspace.
"""
import re
import shutil
import stat
import subprocess
from pathlib import Path, PurePosixPath

from kernels import Unavailable

INIT = Path(__file__).with_name('init.sh')
USER = 1000
DIRECTORIES = ('dev', 'proc', 'sys', 'run', 'root')
ETC = {
    'passwd': 'root:x:0:0::/root:/bin/sh\n'
              f'user:x:{USER}:{USER}::/tmp:/bin/sh\n',
    'group': f'root:x:0:\nuser:x:{USER}:\n',
}


class Initramfs:
    """Paths of the guest, each with its mode, time and bytes."""

    def __init__(self):
        self.entries = {}
        self.elf_files = []
        busybox = shutil.which('busybox')
        if not busybox:
            raise Unavailable('no busybox')
        for name in DIRECTORIES:
            self._directory(PurePosixPath('/', name))
        self._put(PurePosixPath('/tmp'), stat.S_IFDIR | 0o1777)
        self._put(PurePosixPath('/bin/sh'), stat.S_IFLNK | 0o777, b'busybox')
        for name, text in ETC.items():
            self.text(f'/etc/{name}', text)
        self.add(busybox, '/bin/busybox')
        self.add(INIT, '/init')

    def _put(self, path, mode, data=b'', mtime=0):
        self._directory(path.parent)
        self.entries[path] = (mode, mtime, data)

    def _directory(self, path):
        if path not in self.entries and path != path.parent:
            self._put(path, stat.S_IFDIR | 0o755)

    def text(self, path, text):
        """A file with this text."""
        self._put(PurePosixPath(path), stat.S_IFREG | 0o644, text.encode())

    def add(self, source, path=None):
        """A file of this machine, or a directory and all that is in it."""
        source = Path(source)
        path = PurePosixPath(path or source)
        if source.is_dir():
            for child in source.iterdir():
                self.add(child, path / child.name)
            return
        # the time too: Python compares it with that in the compiled file
        mtime = int(source.stat().st_mtime)
        data = source.read_bytes()
        self._put(path, stat.S_IFREG | 0o755, data, mtime)
        if data[:4] == b'\x7fELF':
            self.elf_files.append(source)

    def _add_libraries(self):
        done = subprocess.run(['ldd', *self.elf_files], text=True, check=False,
                              capture_output=True, timeout=60)
        # "libm.so.6 => /lib/libm.so.6 (0x7f...)" or "/lib64/ld.so (0x7f...)"
        for name in sorted(set(re.findall(r'(/\S+) \(0x', done.stdout))):
            self.add(name)

    def write(self, target):
        """The archive."""
        self._add_libraries()
        with open(target, 'wb') as out:
            for number, path in enumerate(sorted(self.entries), 1):
                write_entry(out, number, str(path)[1:], *self.entries[path])
            write_entry(out, 0, 'TRAILER!!!', 0, 0, b'')


def write_entry(out, number, name, mode, mtime, data):
    """One file: a header of 13 numbers, its name, its bytes."""
    name = name.encode() + b'\0'
    fields = (number, mode, 0, 0, 1, mtime, len(data), 0, 0, 0, 0, len(name), 0)
    header = b'070701' + b''.join(b'%08X' % field for field in fields) + name
    out.write(header + bytes(-len(header) % 4))
    out.write(data + bytes(-len(data) % 4))
