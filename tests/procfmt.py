#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do libmm's views have the layout of the kernel's files of the same name?

usage: procfmt.py LIBRARY PROGRAM [ARGUMENT]...

One parser per view reads the kernel's own /proc file, where this machine
shows it, and what PROGRAM prints at exit with stats=exit: both must parse.
Then the numbers of the views are held against each other.
"""
import os
import re
import subprocess
import sys

ORDERS = 11
SLAB_HEAD = ['slabinfo - version: 2.1',
             '# name <active_objs> <num_objs> <objsize> <objperslab> '
             '<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> '
             ': slabdata <active_slabs> <num_slabs> <sharedavail>']
NUMA_FIELDS = ['numa_hit', 'numa_miss', 'numa_foreign', 'interleave_hit',
               'local_node', 'other_node']
ZONE_FIELDS = {'min', 'low', 'high', 'spanned', 'present', 'managed'}


class Layout(Exception):
    """A line that the kernel would not have printed."""


def match(pattern, line):
    m = re.fullmatch(pattern, line)
    if not m:
        raise Layout(f'not /{pattern}/: {line!r}')
    return m


def buddyinfo(lines):
    """{(node, zone): free blocks of each order}"""
    zones = {}
    for line in lines:
        m = match(r'Node (\d+), zone +(\w+) ((?: *\d+ ){%d})' % ORDERS, line)
        zones[int(m[1]), m[2]] = [int(n) for n in m[3].split()]
    return zones


def slabinfo(lines):
    """{cache: its eleven numbers}"""
    head = [' '.join(line.split()) for line in lines[:2]]
    if head != SLAB_HEAD:
        raise Layout(f'not the head of slabinfo: {head}')
    caches = {}
    for line in lines[2:]:
        m = match(r'(\S+)((?: +\d+){5}) : tunables((?: +\d+){3})'
                  r' : slabdata((?: +\d+){3})', line)
        numbers = (m[2] + m[3] + m[4]).split()
        caches[m[1]] = [int(n) for n in numbers]
    return caches


def zoneinfo(lines):
    """{(node, zone): {field: number}}"""
    zones, zone = {}, None
    for line in lines:
        if line.startswith('Node '):
            m = match(r'Node (\d+), zone +(\w+)', line)
            zone = zones.setdefault((int(m[1]), m[2]), {})
        elif zone is None:
            raise Layout(f'before the first zone: {line!r}')
        elif line.startswith('  pages free '):
            zone['free'] = int(match(r'  pages free +(\d+)', line)[1])
        elif line.startswith('        protection:'):
            match(r'        protection: \(\d+(, \d+)*\)', line)
        elif line.startswith('    cpu:'):
            match(r'    cpu: \d+', line)
        elif line not in ('  per-node stats', '  pagesets'):
            m = match(r' {2,14}(\w(?:[\w ]*\w)?):? +(\d+)', line)
            zone.setdefault(m[1], int(m[2]))
    for where, zone in zones.items():
        # The kernel leaves out the rest of a zone that has no pages.
        if 'free' not in zone or not ZONE_FIELDS <= set(zone):
            raise Layout(f'{where}: no {ZONE_FIELDS - set(zone)}')
    return zones


def vmstat(lines):
    """{counter: number}"""
    rows = [match(r'([a-z][a-z0-9_]*) (\d+)', line) for line in lines]
    return {m[1]: int(m[2]) for m in rows}


def meminfo(lines):
    """{field: KiB}"""
    rows = [match(r'([\w()]+): +(\d+)( kB)?', line) for line in lines]
    return {m[1]: int(m[2]) for m in rows}


def numastat(lines):
    """{field: pages on each node}"""
    nodes = re.findall(r' +node(\d+)', lines[0])
    if ' ' * 16 + ''.join(f'{"node" + n:>16}' for n in nodes) != lines[0]:
        raise Layout(f'not the head of numastat: {lines[0]!r}')
    rows = [match(r'([a-z_]+)((?: +\d+){%d})' % len(nodes), line)
            for line in lines[1:]]
    if [m[1] for m in rows] != NUMA_FIELDS:
        raise Layout(f'not the fields of numastat: {rows}')
    return {m[1]: [int(n) for n in m[2].split()] for m in rows}


PARSERS = {f.__name__: f for f in
           (buddyinfo, slabinfo, zoneinfo, numastat, vmstat, meminfo)}


def kernel_text(name):
    """The kernel's own; numastat(8) prints what lies in files of the nodes."""
    if name == 'numastat':
        return subprocess.run([name], capture_output=True, text=True,
                              check=True).stdout
    with open(f'/proc/{name}', encoding='ascii') as file:
        return file.read()


def kernel_views():
    for name, parse in PARSERS.items():
        try:
            yield name, parse(kernel_text(name).splitlines())
        except (OSError, subprocess.CalledProcessError) as error:
            print(f'not compared with the kernel: {error}')


def our_views(library, command):
    env = dict(os.environ, LD_PRELOAD=library, MM_OPTIONS='stats=exit')
    run = subprocess.run(command, env=env, capture_output=True, text=True,
                         timeout=60)
    if run.returncode:
        sys.exit(f'{command} exits {run.returncode}: {run.stderr[-500:]}')
    parts = re.split(r'^== (\w+) ==\n', run.stderr, flags=re.M)
    text = dict(zip(parts[1::2], parts[2::2]))
    return {name: parse(text[name].rstrip('\n').split('\n'))
            for name, parse in PARSERS.items()}


def contradictions(ours):
    """What cannot be true together in libmm's views."""
    if set(ours['buddyinfo']) != set(ours['zoneinfo']):
        yield 'buddyinfo and zoneinfo have other zones'
    for where, counts in ours['buddyinfo'].items():
        zone = ours['zoneinfo'][where]
        free = sum(count << order for order, count in enumerate(counts))
        if free != zone['free']:
            yield f'{where}: {free} pages in buddyinfo, {zone["free"]} free'
        if not zone['min'] <= zone['low'] <= zone['high']:
            yield f'{where}: watermarks out of order: {zone}'
        if not zone['free'] <= zone['managed'] <= zone['present'] \
                <= zone['spanned']:
            yield f'{where}: more free than there is: {zone}'
    for name, row in ours['slabinfo'].items():
        active, objects, _, per_slab, _, _, _, _, used, slabs, _ = row
        if not (active <= objects <= per_slab * slabs and used <= slabs):
            yield f'{name}: more active than there is: {row}'
    if not any(row[0] for row in ours['slabinfo'].values()):
        yield 'no cache has an object'
    table, events = ours['numastat'], ours['vmstat']
    for row, event in zip(NUMA_FIELDS, ('hit', 'miss', 'foreign', 'interleave',
                                        'local', 'other')):
        if sum(table[row]) != events['numa_' + event]:
            yield f'{row}: {table[row]}, but {events["numa_" + event]} in all'
    if not ours['vmstat']['pgalloc_highmem']:
        yield 'no page was ever allocated'


def main():
    try:
        kernel = dict(kernel_views())
    except Layout as error:
        sys.exit(f'the parser is wrong about the kernel: {error}')
    try:
        ours = our_views(os.path.abspath(sys.argv[1]), sys.argv[2:])
    except Layout as error:
        sys.exit(str(error))
    except KeyError as error:
        sys.exit(f'stats=exit prints no {error}')
    found = list(contradictions(ours))
    if not all(kernel.values()) or not all(ours.values()):
        found.append('a view is empty')
    print('\n'.join(found) or f'{", ".join(ours)}: as in /proc')
    sys.exit(bool(found))


main()
