# SPDX-License-Identifier: MIT
"""The kernels that the virtual machines boot: Debian's, not installed.

kernel() returns an ELF file that qemu starts at once: a bzImage would first
unpack itself, under emulation. It is made from what /boot has or, failing
that, from Debian's package, of which nothing but the kernel is unpacked.
"""
import contextlib
import fcntl
import lzma
import os
import re
import shutil
import struct
import subprocess
import tarfile
import tempfile
from pathlib import Path

# name: the package that depends on the newest of its kind, its name in /boot
KERNELS = {
    '6.1': ('linux-image-amd64', 'vmlinuz-6.1.*-amd64'),
    '6.12': ('linux-image-6.12-cloud-amd64', 'vmlinuz-6.12.*-amd64'),
}
APT = ['-q', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=30']


class Unavailable(Exception):
    """Something a virtual machine needs is not to be had here."""


def output(*command, given=b'', cwd=None):
    """What a command prints, or Unavailable with its last words."""
    if not shutil.which(command[0]):
        raise Unavailable(f'no {command[0]}')
    try:
        done = subprocess.run(command, input=given, capture_output=True,
                              cwd=cwd, timeout=300)
    except subprocess.TimeoutExpired:
        raise Unavailable(f'{command[0]} takes too long') from None
    if done.returncode:
        words = done.stderr.decode(errors='replace').strip().splitlines()
        raise Unavailable(' '.join([f'{command[0]}:', *words[-1:]]))
    return done.stdout


def installed(pattern):
    """The newest kernel in /boot that may be read, or None."""
    found = [image for image in Path('/boot').glob(pattern)
             if os.access(image, os.R_OK)]
    return max(found, default=None,
               key=lambda p: list(map(int, re.findall(r'\d+', p.name))))


def fetch_package(package, place, lists):
    """Downloads the real package behind a package that only depends."""
    depends = output('apt-cache', *lists, 'depends', package).decode()
    real = re.search(r'Depends: (linux-image-\d\S+)', depends)
    if not real:
        raise Unavailable(f'apt knows no {package}')
    output('apt-get', *APT, *lists, 'download', real.group(1), cwd=place)
    return next(place.glob('*.deb'))


def download(package, place):
    """The bzImage of a package. Package lists that are missing or out of date
    are replaced by new ones, for this download only."""
    lists = ['-o', f'Dir::State::Lists={place}/lists',
             '-o', f'Dir::Cache={place}/cache']
    try:
        deb = fetch_package(package, place, [])
    except Unavailable:
        (place / 'lists' / 'partial').mkdir(parents=True)
        (place / 'cache' / 'archives' / 'partial').mkdir(parents=True)
        output('apt-get', *APT, *lists, 'update')
        deb = fetch_package(package, place, lists)
    unpack = subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb],
                              stdout=subprocess.PIPE)
    with unpack, tarfile.open(fileobj=unpack.stdout, mode='r|') as tar:
        for member in tar:
            if member.name.startswith('./boot/vmlinuz-'):
                image = tar.extractfile(member).read()
                unpack.kill()
                return image
    raise Unavailable(f'no kernel in {deb.name}')


def unpacked(image):
    """The ELF file inside a bzImage: Linux's Documentation/arch/x86/boot.rst,
    payload_offset and payload_length."""
    if image[:4] == b'\x7fELF':
        return image
    if image[0x202:0x206] != b'HdrS':
        raise Unavailable('not a kernel')
    offset, length = struct.unpack_from('<II', image, 0x248)
    start = (image[0x1f1] + 1) * 512 + offset
    payload = image[start:start + length]
    if payload.startswith(b'\xfd7zXZ'):
        # a decompressor, as the size of the result stands behind the stream
        elf = lzma.LZMADecompressor().decompress(payload)
    else:
        elf = unpacked_by_program(payload)
    if elf[:4] != b'\x7fELF':
        raise Unavailable('no ELF file in the kernel')
    return elf


def unpacked_by_program(payload):
    programs = {b'\x28\xb5\x2f\xfd': 'zstd', b'\x02\x21\x4c\x18': 'lz4'}
    program = programs.get(payload[:4])
    if not program:
        raise Unavailable('a kernel compressed in an unknown way')
    return output(program, '-dc', given=payload[:-4])


@contextlib.contextmanager
def locked(directory):
    """One process at a time fills the cache."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / 'lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kernel(name, cache):
    """The ELF file of a kernel of KERNELS, or of any kernel file."""
    if name in KERNELS:
        package, pattern = KERNELS[name]
        image = installed(pattern)
    else:
        package, image = None, Path(name)
    elf = cache / f'vmlinux-{image.name if image else name}'
    with locked(cache):
        if not elf.exists():
            with tempfile.TemporaryDirectory(dir=cache) as place:
                fresh = Path(place) / 'vmlinux'
                fresh.write_bytes(unpacked(
                    image.read_bytes() if image
                    else download(package, Path(place))))
                fresh.rename(elf)
    return elf
