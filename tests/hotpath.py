#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long is the hot path, in instructions, in the library as built?

usage: hotpath.py LIBRARY TRACER

Follows malloc, free and malloc_usable_size of a small size from the entry to
the ret, in two ways: as the tracer steps through a real call, and in the
disassembly with no conditional branch taken. Neither may be longer than the
limit or hold a call or an atomic. Where stepping is not permitted only the
second way is checked.
"""
import os
import re
import subprocess
import sys

LIMITS = {'malloc': 13, 'free': 19, 'malloc_usable_size': 12}
WALK_MAX = 100
ATOMIC = re.compile(r'lock |xchg .*\(|mfence|cmpxchg')
JUMP = re.compile(r'(?:notrack |bnd )*jmp +([0-9a-f]+)\b')


def output(*argv):
    return subprocess.run(argv, check=True, capture_output=True,
                          text=True).stdout


def disassemble(library):
    """{address: instruction}, in the order of addresses."""
    code = {}
    for line in output('objdump', '-d', '--no-show-raw-insn',
                       library).splitlines():
        m = re.match(r' *([0-9a-f]+):\s+(\S.*)', line)
        if m:
            code[int(m[1], 16)] = ' '.join(m[2].split())
    return code


def entries(library):
    rows = [line.split() for line in
            output('nm', '-D', '--defined-only', library).splitlines()]
    return {r[2].split('@')[0]: int(r[0], 16) for r in rows if len(r) == 3}


def straight(code, entry):
    """The addresses from the entry to the first ret, jumps followed."""
    order = list(code)
    following = dict(zip(order, order[1:]))
    path, at = [], entry
    while at in code and len(path) < WALK_MAX:
        path.append(at)
        if code[at].startswith(('ret', 'repz ret', 'bnd ret')):
            break
        jump = JUMP.match(code[at])
        at = int(jump[1], 16) if jump else following.get(at)
    return path


def traced(library, tracer):
    """{function: addresses} of real calls, or {} if stepping is refused."""
    env = dict(os.environ, LD_PRELOAD=library)
    run = subprocess.run([tracer], env=env, capture_output=True, text=True,
                         timeout=60)
    if run.returncode == 77:
        print('stepping is not permitted here: the disassembly alone decides')
        return {}
    run.check_returncode()
    rows = [line.split() for line in run.stdout.splitlines()]
    return {r[0]: [int(a, 16) for a in r[1:]] for r in rows}


def offences(code, path, entry, limit):
    text = [code.get(at, 'outside the library') for at in path]
    if not path or path[0] != entry:
        yield 'does not begin at the entry'
    if len(path) > limit:
        yield f'{len(path)} instructions, more than {limit}'
    if not text or 'ret' not in text[-1]:
        yield 'does not end in ret'
    for line in text:
        if line.startswith('call') or ATOMIC.match(line) or \
                line == 'outside the library':
            yield line


def main():
    library, tracer = map(os.path.abspath, sys.argv[1:])
    code, entry = disassemble(library), entries(library)
    trace = traced(library, tracer)
    bad = 0
    for name, limit in LIMITS.items():
        ways = {'disassembled': straight(code, entry[name])}
        if trace:
            ways['executed'] = trace.get(name, [])
        for way, path in ways.items():
            found = list(offences(code, path, entry[name], limit))
            print(f'{name}, {way}: {len(path)} of at most {limit}')
            if found:
                bad += 1
                print('  ' + '\n  '.join(found[:8]))
                for at in path[:2 * limit]:
                    print(f'    {at:x}: {code.get(at)}')
    sys.exit(bool(bad))


main()
