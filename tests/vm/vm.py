#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a shell command in a virtual machine with NUMA nodes.

A Debian kernel under qemu, by software emulation, so that neither root nor
/dev/kvm is needed; no network, no disk. Any number of nodes with any memory
and distances; a node may lack CPUs or memory. The command sees busybox, the
given files and the libraries these need, and nothing else.

usage: vm.py [OPTION...] COMMAND

Exit status: the command's; 77 if there is no qemu, kernel or busybox, 124 if
it took too long, 125 if the machine ended without a result.
"""
import argparse
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from initramfs import USER, Initramfs
from kernels import KERNELS, Unavailable, kernel

SKIPPED, TIMEOUT, BROKEN = 77, 124, 125
QEMU = 'qemu-system-x86_64'
# What is emulated decides the speed: with "erms" a page is cleared byte by
# byte, more threads cost more than they bring, and la57 is one level more.
EMULATION = ['-machine', 'q35', '-accel', 'tcg,thread=single',
             '-cpu', 'max,erms=off,la57=off']
NOTHING_ELSE = ['-nodefaults', '-no-user-config', '-display', 'none',
                '-nic', 'none', '-no-reboot']
# Pages must not migrate behind a test's back.
KERNEL_LINE = 'console=ttyS0 panic=-1 oops=panic numa_balancing=disable'
# A machine needs 3 s of CPU time to boot. On a loaded host they may take
# minutes, which is no failure.
BOOT_CPU, BOOT_WALL, BOOTS = 30, 180, 3
TICKS = os.sysconf('SC_CLK_TCK')


@dataclass
class Node:
    """A node: its CPUs and its MiB of memory, one of which may be 0."""
    cpus: int = 1
    mib: int = 256


@dataclass
class Machine:
    """Nodes, and the distance from each to each, 10 from itself. Linux counts
    those with CPUs first, so the others have to be last here."""
    nodes: Sequence[Node]
    distances: Sequence[Sequence[int]] = ()

    def arguments(self):
        """The machine as qemu wants to hear it."""
        cpus = sum(node.cpus for node in self.nodes)
        memory = sum(node.mib for node in self.nodes)
        # CPUs of one socket cannot be on two nodes
        words = ['-smp', f'{cpus},sockets={cpus},cores=1,threads=1',
                 '-m', f'{memory}M']
        first = 0
        for i, node in enumerate(self.nodes):
            numa = f'node,nodeid={i}'
            if node.cpus:
                numa += f',cpus={first}-{first + node.cpus - 1}'
                first += node.cpus
            if node.mib:
                numa += f',memdev=memory{i}'
                words += ['-object', 'memory-backend-ram,'
                          f'id=memory{i},size={node.mib}M']
            words += ['-numa', numa]
        for i, row in enumerate(self.distances):
            for j, distance in enumerate(row):
                words += ['-numa', f'dist,src={i},dst={j},val={distance}']
        return words


@dataclass
class Limits:
    """Seconds, from the start of qemu to the result. The CPU time is the one
    that counts; the wall clock is for a guest that sleeps for ever."""
    cpu: int = 120
    wall: int = 600


class Boot:
    """One run of qemu."""

    def __init__(self, command, limits):
        self.limits = limits
        self.reached_init = False
        self.status = None
        self.start = time.monotonic()
        self.pending = b''
        # the kernel ends qemu with us, even if we are killed
        self.qemu = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL',
                                      *command], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE)

    def cpu(self):
        """Seconds of CPU time that qemu has used."""
        with open(f'/proc/{self.qemu.pid}/stat', encoding='ascii') as stat:
            words = stat.read().rpartition(')')[2].split()
        return (int(words[11]) + int(words[12])) / TICKS

    def wall(self):
        return time.monotonic() - self.start

    def out_of_time(self):
        if self.reached_init:
            limits = self.limits
        else:
            limits = Limits(BOOT_CPU, BOOT_WALL)
        return self.cpu() > limits.cpu or self.wall() > limits.wall

    def _take(self, line):
        word, _, rest = line.strip().partition(b' ')
        if word == b'VM-INIT':
            self.reached_init = True
            print(f'vm: Linux {rest.decode()}', flush=True)
        elif word == b'VM-EXIT' and rest.isdigit():
            self.status = int(rest)
        elif self.reached_init:
            sys.stdout.buffer.write(line + b'\n')
            sys.stdout.flush()

    def follow(self):
        """Prints the guest's output until the result is there, qemu ends, or
        the time is up."""
        out = self.qemu.stdout
        try:
            while self.status is None and not self.out_of_time():
                if not select.select([out], [], [], 0.2)[0]:
                    continue
                data = os.read(out.fileno(), 65536)
                if not data:
                    break
                *lines, self.pending = (self.pending + data).split(b'\n')
                for line in lines:
                    self._take(line)
            self.seconds = f'{self.wall():.1f} s, CPU {self.cpu():.1f} s'
            self.late = self.out_of_time()
        finally:
            self.qemu.kill()
            self.qemu.wait()


def print_console(console):
    """What the kernel said, without the start that went well."""
    text = console.read_text(errors='replace') if console.exists() else ''
    said = text.rpartition('as init process')[2].strip().splitlines()
    if said:
        print('vm: the kernel says:', *said[-30:], sep='\n', flush=True)


def run_booted(command, console, limits):
    """Boots until init is reached, and returns the result."""
    for attempt in range(1, BOOTS + 1):
        boot = Boot(command, limits)
        boot.follow()
        if boot.status is not None:
            print(f'vm: {boot.seconds}', flush=True)
            if boot.status:
                print_console(console)
            return boot.status
        # above 0: qemu itself did not like something
        if boot.reached_init or boot.qemu.returncode > 0:
            break
        print(f'vm: not booted after {boot.seconds}, attempt {attempt}',
              flush=True)
    print('vm:', 'out of time' if boot.late else 'ended without a result',
          f'after {boot.seconds}', flush=True)
    print_console(console)
    return TIMEOUT if boot.late and boot.reached_init else BROKEN


def run(machine, kernel_file, script, files=(), user=False, limits=Limits()):
    """Runs a shell script in a virtual machine, prints what it prints.

    files are pairs (path here, path in the guest). Returns the script's exit
    status, TIMEOUT or BROKEN; raises Unavailable.
    """
    if not shutil.which(QEMU):
        raise Unavailable(f'no {QEMU}')
    root = Initramfs()
    root.text('/command', script)
    root.add(shutil.which('setpriv'), '/usr/bin/setpriv')
    for source, path in files:
        root.add(source, path)
    with tempfile.TemporaryDirectory(prefix='mm-vm-') as name:
        place = Path(name)
        root.write(place / 'initrd')
        line = KERNEL_LINE + (f' vm_user={USER}' if user else '')
        command = [QEMU, *NOTHING_ELSE, *EMULATION, *machine.arguments(),
                   '-kernel', kernel_file, '-initrd', place / 'initrd',
                   '-append', line, '-serial', f'file:{place}/console',
                   '-serial', 'stdio']
        return run_booted(command, place / 'console', limits)


def parse_node(text):
    cpus, mib = text.split(':')
    return Node(int(cpus), int(mib))


def parse_matrix(text):
    return [[int(word) for word in row.split(',')] for row in text.split('/')]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--kernel', default='6.1',
                        help=f'one of {", ".join(KERNELS)}, or a file')
    parser.add_argument('--cache', type=Path, default='build/tests/vm/kernels',
                        help='directory for kernels')
    parser.add_argument('--node', type=parse_node, action='append',
                        metavar='CPUS:MIB', help='a node; repeat')
    parser.add_argument('--distances', type=parse_matrix, default=(),
                        metavar='D,D/D,D', help='a row for each node')
    parser.add_argument('--file', action='append', default=[],
                        metavar='SOURCE[:PATH]', help='a file for the guest')
    parser.add_argument('--user', action='store_true',
                        help='as an ordinary user, not as root')
    parser.add_argument('--cpu-limit', type=int, default=Limits.cpu)
    parser.add_argument('--wall-limit', type=int, default=Limits.wall)
    parser.add_argument('command')
    return parser.parse_args()


def main():
    args = arguments()
    machine = Machine(args.node or [Node(), Node()], args.distances)
    files = [(source, path or source) for source, _, path in
             (word.partition(':') for word in args.file)]
    return run(machine, kernel(args.kernel, args.cache), args.command, files,
               args.user, Limits(args.cpu_limit, args.wall_limit))


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Unavailable as why:
        print(f'skipped: {why}')
        sys.exit(SKIPPED)
