#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long is the hot path, in instructions, in the library as built?

usage: hotpath.py LIBRARY TRACER

Follows malloc, free and their kin of a small size from the entry to the ret,
in two ways: as the tracer steps through a real call, and in the disassembly
with no conditional branch taken. Neither may be longer than the limit or hold
a call or an atomic; calloc may call memset, once, and that is not counted.
Where stepping is not permitted only the second way is checked.
"""
import os
import re
import subprocess
import sys

# Symbol: its name in C++, the limit, what of libc it calls
LIMITS = {
    'malloc': ('malloc', 12, None),
    'free': ('free', 18, None),
    'malloc_usable_size': ('malloc_usable_size', 12, None),
    'calloc': ('calloc', 25, 'memset'),
    '_Znwm': ('operator new', 11, None),
    '_ZdlPv': ('operator delete', 18, None),
    '_ZdlPvm': ('sized operator delete', 19, None),
}
WALK_MAX = 100
ATOMIC = re.compile(r'lock |xchg .*\(|mfence|cmpxchg')
RETURN = re.compile(r'(?:repz |bnd )*ret\b')
JUMP = re.compile(r'(?:notrack |bnd )*jmp +([0-9a-f]+)\b')
# by way of the global offset table: an exported symbol, or one of libc
INDIRECT = re.compile(r'(?:notrack |bnd )*(?:jmp|call) +\*.*# ([0-9a-f]+)')


def output(*argv):
    return subprocess.run(argv, check=True, capture_output=True,
                          text=True).stdout


class Library:
    def __init__(self, path):
        self.code = {}  # address: instruction, in the order of addresses
        for line in output('objdump', '-d', '--no-show-raw-insn',
                           path).splitlines():
            m = re.match(r' *([0-9a-f]+):\s+(\S.*)', line)
            if m:
                self.code[int(m[1], 16)] = ' '.join(m[2].split())
        rows = [line.split() for line in
                output('nm', '-D', '--defined-only', path).splitlines()]
        self.entry = {r[2].split('@')[0]: int(r[0], 16)
                      for r in rows if len(r) == 3}
        rows = [line.split() for line in
                output('objdump', '-R', path).splitlines()]
        self.slot = {int(r[0], 16): r[2].split('@')[0]
                     for r in rows if len(r) == 3 and r[1].startswith('R_')}

    def symbol(self, line):
        """What a jump or call by way of a slot goes to, or None."""
        m = INDIRECT.match(line)
        return self.slot.get(int(m[1], 16)) if m else None

    def jump(self, line):
        """(does it jump?, where to in the library if it does)"""
        m = JUMP.match(line)
        if m:
            return True, int(m[1], 16)
        if 'jmp' in line:
            return True, self.entry.get(self.symbol(line))
        return False, None

    def straight(self, entry):
        """The addresses from the entry to the first ret, jumps followed."""
        order = list(self.code)
        following = dict(zip(order, order[1:]))
        path, at = [], entry
        while at in self.code and len(path) < WALK_MAX:
            path.append(at)
            if RETURN.match(self.code[at]):
                break
            jumps, to = self.jump(self.code[at])
            at = to if jumps else following.get(at)
        return path

    def offences(self, path, entry, limit, callee):
        """@path is without what the callee executes."""
        text = [self.code.get(at, 'outside the library') for at in path]
        calls = [line for line in text if line.startswith('call') or
                 self.jump(line) == (True, None)]
        if callee and [self.symbol(line) for line in calls] == [callee]:
            calls = []
        if not path or path[0] != entry:
            yield 'does not begin at the entry'
        if len(path) > limit:
            yield f'{len(path)} instructions, more than {limit}'
        # the last may be a tail call, of which the callee returns
        if not text or not (RETURN.match(text[-1]) or
                            callee and self.symbol(text[-1]) == callee):
            yield 'does not end in ret'
        yield from calls
        for line in text:
            if ATOMIC.match(line) or line == 'outside the library':
                yield line


def traced(path, tracer):
    """{function: addresses} of real calls, or {} if stepping is refused."""
    env = dict(os.environ, LD_PRELOAD=path)
    run = subprocess.run([tracer], env=env, capture_output=True, text=True,
                         timeout=60)
    if run.returncode == 77:
        print('stepping is not permitted here: the disassembly alone decides')
        return {}
    run.check_returncode()
    rows = [line.split() for line in run.stdout.splitlines()]
    return {r[0]: [int(a, 16) for a in r[1:]] for r in rows}


def main():
    path, tracer = map(os.path.abspath, sys.argv[1:])
    library = Library(path)
    trace = traced(path, tracer)
    bad = 0
    for symbol, (name, limit, callee) in LIMITS.items():
        entry = library.entry[symbol]
        ways = {'disassembled': library.straight(entry)}
        if trace:
            ways['executed'] = [at for at in trace.get(symbol, [])
                                if at in library.code or not callee]
        for way, steps in ways.items():
            found = list(library.offences(steps, entry, limit, callee))
            print(f'{name}, {way}: {len(steps)} of at most {limit}')
            if found:
                bad += 1
                print('  ' + '\n  '.join(found[:8]))
                for at in steps[:2 * limit]:
                    print(f'    {at:x}: {library.code.get(at)}')
    sys.exit(bool(bad))


main()
