#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does libmm.so export what preload.map lists, all of it and nothing else?

usage: symbols.py LIBRARY MAP
"""
import fnmatch
import re
import subprocess
import sys


def listed(path):
    """The names and patterns in the global: parts of a version script."""
    text = re.sub(r'/\*.*?\*/|#[^\n]*', ' ', open(path).read(), flags=re.S)
    names, visible = [], False
    for word in re.findall(r'"[^"]+"|[\w.$*?]+\s*:|[\w.$*?]+(?=\s*;)', text):
        word = word.strip('"')
        if word.endswith(':'):
            visible = word.rstrip(' \t\n:') == 'global'
        elif visible:
            names.append(word)
    return names


def exported(library):
    """Defined dynamic symbols, without the version nodes (type A)."""
    out = subprocess.run(['nm', '-D', '--defined-only', library], check=True,
                         capture_output=True, text=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return {row[-1].split('@')[0] for row in rows if row[-2] != 'A'}


def main():
    library, script = sys.argv[1:]
    patterns, names = listed(script), exported(library)
    if not patterns:
        sys.exit(f'{script} lists no symbol')
    absent = [p for p in patterns if not fnmatch.filter(names, p)]
    extra = [n for n in sorted(names)
             if not any(fnmatch.fnmatchcase(n, p) for p in patterns)]
    for name in absent:
        print(f'listed, but not exported: {name}')
    for name in extra:
        print(f'exported, but not listed: {name}')
    print(f'{len(names)} exported, {len(patterns)} listed')
    sys.exit(bool(absent or extra))


main()
