#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does every #include go down, and does every room have a line in src/ROOMS?

usage: layering.py TOP

A file in src/ROOM may include "room/header" of its own or a lower room, and
everybody the public header. The doors in preload/ may include any room,
and one another; tools/ see only the public header, but for mmcore.c, which
reads the tables of all rooms in core dumps.
"""
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
PUBLIC = 'mm/mm.h'
SOURCES = {'.c', '.h', '.cc', '.def'}
INSIDER = 'mmcore.c'


def includes(path):
    return INCLUDE.findall(path.read_text(encoding='utf-8'))


def violations(top):
    """All offences against the order of the rooms, one line each."""
    src = top / 'src'
    rooms = (src / 'ROOMS').read_text().split()
    floor = {room: nr for nr, room in enumerate(rooms)}
    doors = top / 'preload'
    found = []

    def check(path, highest):
        for name in includes(path):
            here = path.parent == doors and (doors / name).is_file()
            if name == PUBLIC or here:
                continue
            room = name.split('/')[0]
            where = f'{path.relative_to(top)}: "{name}"'
            if room not in floor or '/' not in name:
                found.append(f'{where} does not begin with a room')
            elif floor[room] > highest:
                found.append(f'{where} goes up')
            elif not (src / name).is_file():
                found.append(f'{where} does not exist')

    for path in sorted(p for p in src.rglob('*') if p.suffix in SOURCES):
        room = path.relative_to(src).parts[0]
        if room in floor:
            check(path, floor[room])
        else:
            found.append(f'{path.relative_to(top)}: no room of src/ROOMS')
    for path in sorted(p for p in doors.rglob('*')
                       if p.suffix in SOURCES):
        check(path, len(rooms))
    for path in sorted(p for p in (top / 'tools').rglob('*')
                       if p.suffix in SOURCES):
        if path.name == INSIDER:
            check(path, len(rooms))
            continue
        found += [f'{path.relative_to(top)}: "{name}" is not public'
                  for name in includes(path) if name != PUBLIC]
    return found


def offences_are_found():
    """The checker itself, on a house of two rooms with one of each fault."""
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        for path, text in {
                'src/ROOMS': 'low\nhigh\n',
                'src/low/low.h': '#include "high/high.h"\n',
                'src/low/low.c': '#include "low.h"\n#include "low/gone.h"\n',
                'src/high/high.h': '#include "low/low.h"\n#include "mm/mm.h"\n',
                'src/attic/a.c': '\n',
                'preload/p.c': '#include "high/high.h"\n#include "p.h"\n',
                'preload/p.h': '#include "q.h"\n',
                'tools/t.c': '#include "mm/mm.h"\n#include "low/low.h"\n',
        }.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text)
        return [line.split(': ')[0] for line in violations(top)] == [
            'src/attic/a.c', 'src/low/low.c', 'src/low/low.c',
            'src/low/low.h', 'preload/p.h', 'tools/t.c']


def main():
    if not offences_are_found():
        sys.exit('layering.py does not find the offences it is made for')
    found = violations(pathlib.Path(sys.argv[1]).resolve())
    print('\n'.join(found) or 'every include goes down')
    sys.exit(bool(found))


main()
