#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The benchmark's page, looked at in a browser: is every plot drawn?

Makes a page from a short run of one workload of each kind, opens it in headless
Chromium, and checks what the browser has drawn: the marks of every plot by
their boxes, and the picture by its pixels. Skips (77) without Chromium.

usage: bench_page.py [LIBMM.SO [DIR]], DIR being where the benchmarks are built
"""

import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
WORKLOADS = ["sqlite3", "simple", "churn-*", "micro-pair", "room", "swap-zipf-*"]
ROOMS = 7
WIDTH, HEIGHT = 1280, 2600


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def find_chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = list(filter(None, map(shutil.which, names)))
    return found[0] if found else skip("no chromium")


def make_page(out):
    """A page with bars, scatter plots, scaling and micro curves, and a table."""
    if not shutil.which("sqlite3"):
        skip("no sqlite3")
    command = [TOP / "bench" / "run", "--quick", "--rounds", "1", "--no-install"]
    for name in WORKLOADS:
        command += ["--only", name]
    command += ["--allocators", "glibc,libmm", "--out", out]
    if len(sys.argv) > 1:
        command += ["--alloc", f"libmm={sys.argv[1]}"]
    if len(sys.argv) > 2:
        command += ["--build", sys.argv[2]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    if done.returncode == 2 and "packages missing" in done.stderr:
        skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr + done.stdout
    return out / "index.html"


def browse(chromium, page, profile, *flags):
    """Run Chromium once on the page; returns what it prints."""
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={profile}",
        f"--window-size={WIDTH},{HEIGHT}",
        *flags,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        skip(f"chromium does not run here: {done.stderr.strip()[-200:]}")
    return done.stdout


def attributes(tag):
    return dict(re.findall(r'([\w-]+)="([^"]*)"', tag))


def check_plots(dom):
    """Every plot has all its marks, with boxes that are inside of it."""
    body = attributes(re.search(r"<body[^>]*>", dom).group())
    plots = [attributes(t) for t in re.findall(r'<svg class="plot"[^>]*>', dom)]
    # 2 scatter plots, a card for sqlite3, simple, churn-2 and churn-64, time and
    # RSS by threads, the micro curve, a curve of swap
    assert len(plots) == 10, [p.get("data-title") for p in plots]
    assert body["data-plots"] == "10" and body["data-missing"] == "0", body
    for plot in plots:
        marks, drawn = int(plot["data-marks"]), int(plot["data-drawn"])
        assert drawn == marks >= 2, plot


def check_rooms(dom):
    """The table of what only libmm has: a time in every row."""
    section = dom.partition("<h2>Inside libmm</h2>")[2].partition("</table>")[0]
    times = re.findall(r"<td>[\d.]+ (?:ns|µs)</td>", section)
    assert len(times) == section.count("<tr>") == ROOMS, section


def pixels(png):
    """Rows of (r, g, b) bytes of an 8-bit picture without interlacing."""
    data, at, packed = png.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunk = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", chunk[:10])
        elif kind == b"IDAT":
            packed += chunk
        at += 12 + length
    assert depth == 8 and color in (2, 6), (depth, color)
    step = 3 if color == 2 else 4
    raw = zlib.decompress(packed)
    stride, before = width * step, bytes(width * step)
    for y in range(height):
        start = y * (stride + 1)
        row = bytearray(raw[start + 1 : start + 1 + stride])
        unfilter(raw[start], row, before, step)
        before = bytes(row)
        yield [before[i : i + 3] for i in range(0, stride, step)]


def paeth(a, b, c):
    p = a + b - c
    da, db, dc = abs(p - a), abs(p - b), abs(p - c)
    return a if da <= db and da <= dc else b if db <= dc else c


def unfilter(kind, row, before, step):
    """Undo one of PNG's five row filters in place."""
    for i in range(len(row)) if kind else ():
        left = row[i - step] if i >= step else 0
        corner = before[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = before[i]
        elif kind == 3:
            guess = (left + before[i]) // 2
        else:
            guess = paeth(left, before[i], corner)
        row[i] = (row[i] + guess) & 255


def check_picture(png):
    """The colors of libmm's and of the rivals' bars are really there."""
    count = {}
    for row in pixels(png):
        for color in row:
            count[color] = count.get(color, 0) + 1
    ours, bars = bytes.fromhex("0b6bcb"), bytes.fromhex("b4bcc6")
    assert count.get(ours, 0) > 2000, count.get(ours, 0)
    assert count.get(bars, 0) > 2000, count.get(bars, 0)


def check_is_self_contained(text):
    """Nothing is loaded, from anywhere."""
    found = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?[^"'\s)]+""", text)
    assert not found, found


def main():
    chromium = find_chromium()
    with tempfile.TemporaryDirectory(prefix="mm-bench-page-") as name:
        scratch = Path(name)
        page = make_page(scratch)
        check_is_self_contained(page.read_text(encoding="utf-8"))
        dom = browse(chromium, page, scratch / "profile", "--dump-dom")
        check_plots(dom)
        check_rooms(dom)
        picture = scratch / "page.png"
        browse(chromium, page, scratch / "profile", f"--screenshot={picture}")
        check_picture(picture)
    print("all plots and the table are drawn")


if __name__ == "__main__":
    main()
