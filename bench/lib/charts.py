# SPDX-License-Identifier: MIT
"""The plots, as SVG text. Every drawn datum is an element of class "mark"."""

import math
from html import escape

OURS, BASE = "libmm", "glibc"
COLORS = {
    OURS: "#0b6bcb",
    BASE: "#7d8590",
    "jemalloc": "#e07a1f",
    "mimalloc": "#2a9d5c",
    "tcmalloc": "#8e5bd0",
    "tbbmalloc": "#c2447e",
    "scudo": "#b08d00",
}
MORE_COLORS = ["#1a9a9a", "#8a5a3c", "#5a6fd6", "#77a12e", "#d0566f"]


def palette(names):
    """One color per allocator, the same in every plot."""
    others = [n for n in names if n not in COLORS]
    more = {n: MORE_COLORS[i % len(MORE_COLORS)] for i, n in enumerate(others)}
    return {**COLORS, **more}


def tag(name, text=None, **attributes):
    """One element; class_ and x_y become class and x-y."""
    words = [name]
    for key, value in attributes.items():
        if isinstance(value, float):
            value = f"{value:.2f}".rstrip("0").rstrip(".")
        words.append(f'{key.rstrip("_").replace("_", "-")}="{escape(str(value))}"')
    if text is None:
        return f"<{' '.join(words)}/>"
    return f"<{' '.join(words)}>{text}</{name}>"


def label(text, x, y, class_="", anchor="start"):
    return tag("text", escape(text), x=x, y=y, class_=class_, text_anchor=anchor)


def hover(text):
    return tag("title", escape(text))


def plot(width, height, title, parts, marks):
    """The svg element; the page's script checks that all marks are visible."""
    return tag(
        "svg",
        hover(title) + "".join(parts),
        class_="plot",
        viewBox=f"0 0 {width} {height}",
        role="img",
        data_marks=marks,
        data_title=title,
    )


def short(value):
    """Three significant digits at most, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def duration(seconds):
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{short(seconds / scale)} {unit}"
    return f"{short(seconds * 1e9)} ns"


def size(count):
    """Bytes with a binary unit, exact for powers of two."""
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{short(count / scale)} {unit}"
    return f"{short(count)} B"


# Bars

ROW, NAME_W, BAR_W, NUMBER_W, GAP = 18, 76, 104, 34, 16
COLUMN_W = BAR_W + NUMBER_W
CARD_W = NAME_W + 2 * COLUMN_W + GAP
HEAD_H = 24
SCALE_MAX = 3.0


def bar(x, y, value, scale, ours, tip):
    """One bar and its number; a bar beyond the scale ends in a gap."""
    width = max(min(value / scale, 1.0) * BAR_W, 0.5)
    parts = [
        tag(
            "rect",
            hover(tip),
            x=x,
            y=y + 3,
            width=float(width),
            height=ROW - 6,
            rx=2,
            class_="mark bar ours" if ours else "mark bar",
        )
    ]
    if value > scale:
        cut = x + BAR_W - 12
        parts.append(
            tag("path", d=f"M{cut} {y + ROW}l4 -{ROW}h4l-4 {ROW}z", class_="cut")
        )
    right = x + COLUMN_W - 4
    text = f"{value:.2f}" if value < 10 else f"{value:.0f}"
    text = text if value < 1000 else f"{value / 1000:.1f}k"
    parts.append(label(text, right, y + 13, "num ours" if ours else "num", "end"))
    return "".join(parts)


def bar_column(x, row, names, ratio, value, show, caption):
    """The bars of one metric for all allocators: (parts, number of marks)."""
    values = [row[n][ratio] for n in names if row[n] and row[n][ratio]]
    scale = max(1.25, min(max(values, default=1), SCALE_MAX))
    one = x + BAR_W / scale
    bottom = HEAD_H + ROW * len(names)
    parts = [
        label(caption, x, 12, "caption"),
        tag("line", x1=one, x2=one, y1=HEAD_H - 3, y2=bottom, class_="one"),
    ]
    marks = 0
    for i, n in enumerate(names):
        y = HEAD_H + i * ROW
        cell = row[n]
        if not cell or not cell[ratio]:
            parts.append(label("failed" if not cell else "–", x, y + 13, "num"))
            continue
        tip = f"{n}: {show(cell[value])}, {cell[ratio]:.3f} of glibc"
        parts.append(bar(x, y, cell[ratio], scale, n == OURS, tip))
        marks += 1
    return parts, marks


def bars(name, row, names):
    """Time and peak RSS of one workload, as ratios to glibc."""
    base = row[BASE]
    height = HEAD_H + ROW * len(names) + 2
    parts = [
        label(
            n, NAME_W - 8, HEAD_H + i * ROW + 13, "ours" if n == OURS else "", "end"
        )
        for i, n in enumerate(names)
    ]
    marks = 0
    metrics = (
        ("time", "time_ratio", "time", duration),
        ("peak RSS", "rss_ratio", "peak_kib", lambda kib: size(kib * 1024)),
    )
    for i, (title, ratio, value, show) in enumerate(metrics):
        caption = f"{title}, glibc {show(base[value])}" if base else title
        x = NAME_W + i * (COLUMN_W + GAP)
        column, drawn = bar_column(x, row, names, ratio, value, show, caption)
        parts += column
        marks += drawn
    return plot(CARD_W, height, name, parts, marks)


# Axes


class Axis:
    """A linear or logarithmic scale from values to pixels."""

    def __init__(self, values, start, end, log=False, base=10):
        low, high = min(values), max(values)
        self.log, self.base = log, base
        if log:
            self.low, self.high = math.log(low), math.log(high)
        else:
            self.low, self.high = low, high
        if self.high - self.low < 1e-9:
            self.high += 0.5
            self.low -= 0.5
        self.start, self.end = start, end

    def at(self, value):
        value = math.log(value) if self.log else value
        part = (value - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        """Round values inside the scale, four to ten of them."""
        if not self.log:
            return self.linear_ticks()
        low, high = math.exp(self.low), math.exp(self.high)
        if self.base == 2:
            first = math.ceil(math.log2(low) - 1e-9)
            last = math.floor(math.log2(high) + 1e-9)
            step = max(1, math.ceil((last - first + 1) / 7))
            return [2.0**e for e in range(first, last + 1, step)]
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if high / low < 300 else (1,)
        found = [m * 10.0**e for e in decades for m in steps]
        found = [v for v in found if low * 0.999 <= v <= high * 1.001]
        return found if len(found) <= 10 else found[::2]

    def linear_ticks(self):
        step = 10 ** math.floor(math.log10((self.high - self.low) / 2))
        while (self.high - self.low) / step > 6:
            step *= 2 if (self.high - self.low) / step < 12 else 5
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


def frame(x, y, x_label, y_label, x_text, y_text, box):
    """Grid lines, tick texts and axis titles in the box (l, t, r, b)."""
    left, top, right, bottom = box
    parts = []
    for v in y.ticks():
        at = y.at(v)
        parts.append(tag("line", x1=left, x2=right, y1=at, y2=at, class_="grid"))
        parts.append(label(y_text(v), left - 6, at + 4, "tick", "end"))
    for v in x.ticks():
        at = x.at(v)
        parts.append(tag("line", x1=at, x2=at, y1=top, y2=bottom, class_="grid"))
        parts.append(label(x_text(v), at, bottom + 15, "tick", "middle"))
    parts.append(label(x_label, right, bottom + 31, "caption", "end"))
    parts.append(label(y_label, left - 6, top - 11, "caption"))
    return parts


# Scatter


def spread_labels(points, gap=14):
    """Moves the y of labels apart that would lie on each other."""
    placed = []
    for x, y, name in sorted(points, key=lambda p: p[1]):
        for px, py, pname in placed:
            if abs(px - x) < 8 * max(len(name), len(pname)) and y < py + gap:
                y = py + gap
        placed.append((x, y, name))
    return {name: y for _, y, name in placed}


def scatter(title, means, names, colors):
    """Geometric means of time against those of peak RSS, one point each."""
    known = [n for n in names if means[n]["time"] and means[n]["rss"]]
    if not known:
        return None
    width, height, box = 500, 318, (52, 26, 476, 276)
    left, top, right, bottom = box

    def padded(metric):
        values = [means[n][metric] for n in known]
        room = max(max(values) - min(values), 0.1) * 0.15
        return [min(values) - room, max(values) + room]

    x = Axis(padded("time"), left, right)
    y = Axis(padded("rss"), bottom, top)
    parts = frame(x, y, "time, glibc = 1", "peak RSS, glibc = 1", short, short, box)
    ones = (x.at(1), top, x.at(1), bottom), (left, y.at(1), right, y.at(1))
    for a, b, c, d in ones:
        parts.append(tag("line", x1=a, y1=b, x2=c, y2=d, class_="one"))
    parts.append(label("↙ better", left + 8, bottom - 8, "caption"))
    points = [(x.at(means[n]["time"]), y.at(means[n]["rss"]), n) for n in known]
    label_y = spread_labels(points)
    for px, py, n in points:
        tip = f"{n}: time {means[n]['time']:.3f}, peak RSS {means[n]['rss']:.3f}"
        ours = n == OURS
        parts.append(
            tag(
                "circle",
                hover(tip),
                cx=px,
                cy=py,
                r=8 if ours else 6,
                fill=colors[n],
                class_="mark dot",
            )
        )
        side = -1 if px > right - 70 else 1
        parts.append(
            label(
                n,
                px + side * 12,
                label_y[n] + 4,
                "ours" if ours else "",
                "end" if side < 0 else "start",
            )
        )
    return plot(width, height, title, parts, len(points))


# Curves


def curves(title, lines, colors, x, y, width=500):
    """One line per allocator; lines: {name: [(x, y)]}.

    x and y are (axis title, function from value to text, base of the ticks);
    the axis is logarithmic unless that base is None.
    """
    lines = {n: pts for n, pts in lines.items() if pts}
    xs = [a for pts in lines.values() for a, _ in pts]
    ys = [b for pts in lines.values() for _, b in pts]
    if len(set(xs)) < 2:
        return None
    box = (58, 26, width - 24, 216)
    x_axis = Axis(xs, box[0], box[2], x[2] is not None, x[2])
    y_axis = Axis([min(ys) * 0.9, max(ys) * 1.1], box[3], box[1], True, y[2])
    parts = frame(x_axis, y_axis, x[0], y[0], x[1], y[1], box)
    marks = 0
    for n in sorted(lines, key=lambda n: (n == OURS, n == BASE)):
        points = [(x_axis.at(a), y_axis.at(b), a, b) for a, b in sorted(lines[n])]
        ours = n == OURS
        parts.append(
            tag(
                "path",
                hover(n),
                d="M" + "L".join(f"{px:.1f} {py:.1f}" for px, py, _, _ in points),
                stroke=colors[n],
                class_="mark curve ours" if ours else "mark curve",
            )
        )
        for px, py, a, b in points:
            parts.append(
                tag(
                    "circle",
                    hover(f"{n}: {x[1](a)}, {y[1](b)}"),
                    cx=px,
                    cy=py,
                    r=4 if ours else 3,
                    fill=colors[n],
                    class_="mark",
                )
            )
        marks += 1 + len(points)
    return plot(width, box[3] + 38, title, parts, marks)
