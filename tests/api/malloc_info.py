#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""malloc_info()'s XML is well-formed and its numbers are those of the heap.

Usage: malloc_info.py PROGRAM [LIBMM]
"""
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET


def in_use(path):
    """Bytes in use: what the system gave less what is free, plus mmaps."""
    root = ET.parse(path).getroot()
    assert root.tag == "malloc", root.tag
    assert root.get("version") == "1", root.attrib

    def size(tag, kind):
        found = [e for e in root.findall(tag) if e.get("type") == kind]
        assert len(found) == 1, f"{len(found)} <{tag} type={kind}>"
        return int(found[0].get("size"))

    current = size("system", "current")
    assert current <= size("system", "max")
    free = size("total", "fast") + size("total", "rest")
    assert free <= current, (free, current)
    return current - free + size("total", "mmap")


def main():
    env = dict(os.environ)
    if len(sys.argv) > 2:
        env["LD_PRELOAD"] = os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory() as tmp:
        files = [f"{tmp}/before.xml", f"{tmp}/full.xml"]
        run = subprocess.run([sys.argv[1], *files], env=env, timeout=60,
                             stdout=subprocess.PIPE, check=True)
        live = int(run.stdout)
        before, full = map(in_use, files)
    moved = full - before
    print(f"in use {before} -> {full}: {moved} for {live} live bytes")
    return 0 if abs(moved - live) <= live / 8 + 65536 else 1


if __name__ == "__main__":
    sys.exit(main())
