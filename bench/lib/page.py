# SPDX-License-Identifier: MIT
"""One HTML page with all results; it loads nothing from anywhere."""

from html import escape

from . import charts, machine, table

STYLE = """
:root { --fg: #1c2128; --dim: #656d76; --bg: #f6f7f9; --card: #fff;
  --line: #e3e6ea; --bar: #b4bcc6; --ours: #0b6bcb; }
@media (prefers-color-scheme: dark) { :root { --fg: #dfe4ea; --dim: #8d96a0;
  --bg: #0f1318; --card: #171c23; --line: #2a313a; --bar: #4d5865;
  --ours: #4aa3ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 40px 0 4px; }
h3 { font-size: 14px; margin: 0 0 6px; font-weight: 600; }
h3 small { color: var(--dim); font-weight: 400; }
p { margin: 0 0 12px; color: var(--dim); }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: 13px; }
.grid { display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(370px, 1fr)); }
.grid.two { grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: 14px 16px; overflow-x: auto; }
svg.plot { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--fg); paint-order: stroke;
  stroke: var(--card); stroke-width: 3; stroke-linejoin: round; }
svg .caption, svg .tick { font-size: 11px; fill: var(--dim); }
svg .num { font-size: 11px; font-variant-numeric: tabular-nums; }
svg text.ours { font-weight: 700; fill: var(--ours); }
svg .bar { fill: var(--bar); } svg .bar.ours { fill: var(--ours); }
svg .cut { fill: var(--card); }
svg .one { stroke: var(--dim); stroke-width: 1; stroke-dasharray: 3 3; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .dot { stroke: var(--card); stroke-width: 2; }
svg .curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
svg .curve.ours { stroke-width: 3; }
table { border-collapse: collapse; width: 100%; font-size: 13px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; } th:first-child, td:first-child { text-align: left; }
td.best { font-weight: 700; } .ours { color: var(--ours); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 6px 0 12px;
  font-size: 13px; }
.legend i { display: inline-block; width: 18px; height: 4px; margin-right: 6px;
  border-radius: 2px; vertical-align: middle; }
details { margin-top: 40px; } summary { cursor: pointer; font-weight: 600; }
"""

# Counts what the browser really drew, for whoever looks at the page by program.
SCRIPT = """
let missing = 0;
const plots = document.querySelectorAll('svg.plot');
for (const svg of plots) {
  const area = svg.getBoundingClientRect();
  let drawn = 0;
  for (const mark of svg.querySelectorAll('.mark')) {
    const box = mark.getBoundingClientRect();
    if ((box.width > 0 || box.height > 0) && box.left >= area.left - 1 &&
        box.right <= area.right + 1 && box.top >= area.top - 1 &&
        box.bottom <= area.bottom + 1)
      drawn++;
  }
  svg.dataset.drawn = drawn;
  if (drawn === 0 || drawn !== Number(svg.dataset.marks))
    missing++;
}
document.body.dataset.plots = plots.length;
document.body.dataset.missing = missing;
"""

MICRO_TITLES = {
    "pair": "malloc and free at once, by size",
    "calloc": "calloc and free, by size",
    "aligned": "aligned_alloc and free, by alignment",
    "usable": "malloc_usable_size, by size",
    "batch-fifo": "a batch, freed in order",
    "batch-lifo": "a batch, freed in reverse",
    "batch-random": "a batch, freed at random",
    "replace": "random replacement, by working set",
    "realloc-double": "realloc doubling, by final size",
    "realloc-creep": "realloc in 256 steps, by final size",
    "realloc-swing": "realloc to 3/4 and back, by size",
    "fault": "first touch of a page, by block size",
    "thread": "start and join a thread, by its blocks",
    "handoff": "allocated here, freed there, by size",
    "orphans": "free after the owner's exit, by size",
}


def card(svg, title, note=""):
    small = f" <small>{escape(note)}</small>" if note else ""
    return f'<div class="card"><h3>{escape(title)}{small}</h3>{svg}</div>'


def grid(cards, class_="grid"):
    return f'<div class="{class_}">{"".join(cards)}</div>'


def legend(names, colors):
    items = "".join(
        f'<span><i style="background:{colors[n]}"></i>{escape(n)}</span>' for n in names
    )
    return f'<div class="legend">{items}</div>'


def header(results):
    rivals = ", ".join(
        f"{a['name']} {a['version']}".strip() for a in results["allocators"]
    )
    facts = " · ".join(machine.facts(results["machine"]))
    rounds = results["rounds"]
    return (
        "<h1>Memory allocators compared</h1>"
        f"<p>{escape(results['date'])} · <code>{escape(results['command'])}</code>"
        f" · {rounds} interleaved round{'s' if rounds != 1 else ''}, medians"
        f"<br>{escape(facts)}<br>{escape(rivals)}</p>"
    )


def overview(results, names, colors):
    """The table of geometric means and the scatter plots."""
    means = results["summary"]["means"]
    head = "".join(
        f'<th{" class=ours" if n == charts.OURS else ""}>{escape(n)}</th>'
        for n in names
    )
    rows = []
    for layer, by_name in means.items():
        for metric, title in (("time", "time"), ("rss", "peak RSS")):
            if layer == "micro" and metric == "rss":
                continue
            values = [by_name[n][metric] for n in names]
            smallest = table.best(values)
            cells = "".join(
                f"<td{' class=best' if v and v == smallest else ''}>"
                f"{table.number(v)}</td>"
                for v in values
            )
            count = by_name[names[0]]["rows"]
            title = f"{table.LAYER_TITLES[layer]}, {title} ({count})"
            rows.append(f"<tr><td>{title}</td>{cells}</tr>")
    plots = []
    for layer in ("program", "pattern"):
        if layer in means:
            title = f"{table.LAYER_TITLES[layer]}: time against peak RSS"
            svg = charts.scatter(title, means[layer], names, colors)
            if svg:
                plots.append(card(svg, title))
    return (
        "<h2>Geometric means</h2><p>Ratios to glibc; smaller is better. In brackets:"
        " workloads that ran under every allocator.</p>"
        f'<div class="card"><table><tr><th></th>{head}</tr>{"".join(rows)}'
        "</table></div>"
        f'<div style="height:14px"></div>{grid(plots, "grid two")}'
    )


def workload_bars(results, names, layer, note):
    cells = results["summary"]["cells"]
    cards = [
        card(charts.bars(w["name"], cells[w["name"]], names), w["name"], w["title"])
        for w in results["workloads"]
        if w["layer"] == layer
    ]
    if not cards:
        return ""
    return f"<h2>{table.LAYER_TITLES[layer]}</h2><p>{note}</p>{grid(cards)}"


def curve_lines(results, names, curve, metric):
    """{allocator: [(x, value)]} of the workloads that are points of a curve."""
    lines = {n: [] for n in names}
    for w in results["workloads"]:
        if not w["curve"] or w["curve"][0] != curve:
            continue
        for n, cell in results["summary"]["cells"][w["name"]].items():
            if cell and cell.get(metric):
                lines[n].append((w["curve"][1], cell[metric]))
    return lines


def mib_text(v):
    return charts.size(v * 1024 * 1024)


def kib_text(v):
    return charts.size(v * 1024)


def ns_text(v):
    return charts.duration(v * 1e-9)


def scaling(results, names, colors):
    threads = ("threads", charts.short, 2)
    memory = ("working set", mib_text, 2)
    time = ("one operation", ns_text, 10)
    rss = ("peak RSS", kib_text, 2)
    wanted = [
        ("ns_per_op", "Time of one operation by threads", threads, time),
        ("peak_kib", "Peak RSS by threads", threads, rss),
        ("ns_per_op", "Time of one replacement by working set", memory, time),
        ("peak_kib", "Peak RSS by working set", memory, rss),
    ]
    cards = []
    for metric, title, x, y in wanted:
        lines = curve_lines(results, names, x[0], metric)
        svg = charts.curves(title, lines, colors, x, y)
        if svg:
            cards.append(card(svg, title))
    if not cards:
        return ""
    return (
        "<h2>Scaling</h2><p>The same total work in more threads, and the same"
        " replacements in a larger heap.</p>"
        + legend(names, colors)
        + grid(cards, "grid two")
    )


def percent_text(v):
    return f"{v:.0f} %"


def times_text(v):
    return f"{v:.3g} x"


def swap_lines(results, pattern):
    """{who: [(memory saved in %, slowdown)]}, held against no limit at all."""
    cells = results["summary"]["cells"]
    base = cells.get(f"swap-{pattern}-100", {}).get(charts.OURS)
    lines = {"libmm": [], "zram": []}
    for w in results["workloads"] if base else ():
        if w["layer"] != "swap" or w["curve"][0] != pattern:
            continue
        row = cells[w["name"]]
        cell = row.get(charts.OURS) or row.get(charts.BASE)
        if cell:
            saved = 100 - 100 * cell["peak_kib"] / base["peak_kib"]
            slower = cell["ns_per_op"] / base["ns_per_op"]
            lines[w["curve"][1]].append((saved, slower))
    return lines


def swap(results):
    """What memory costs that is not there, with libmm and with the kernel."""
    colors = charts.palette(["libmm", "zram"])
    x = ("memory saved", percent_text, None)
    y = ("an access takes", times_text, 10)
    found = dict.fromkeys(
        w["curve"][0]
        for w in results["workloads"]
        if w["layer"] == "swap"
    )
    cards = []
    for pattern in found:
        title = f"{pattern} access: slowdown against memory saved"
        svg = charts.curves(title, swap_lines(results, pattern), colors, x, y)
        if svg:
            cards.append(card(svg, title))
    if not cards:
        return ""
    return (
        "<h2>Compressed swap</h2><p>A heap that is 2.5 times compressible, under a"
        " limit; the kernel's zram with as much for heap and pool together.</p>"
        + legend(["libmm", "zram"], colors)
        + grid(cards, "grid two")
    )


def micro(results, names, colors):
    families = {}
    for w in results["workloads"]:
        family, slash, arg = w["name"].partition("/")
        if w["layer"] != "micro" or not slash:
            continue
        lines = families.setdefault(family, {n: [] for n in names})
        for n, cell in results["summary"]["cells"][w["name"]].items():
            if cell:
                lines[n].append((int(arg), cell["time"]))
    cards = []
    for family, lines in families.items():
        title = MICRO_TITLES.get(family, family)
        x = ("bytes", charts.size, 2)
        if family == "thread":
            x = ("blocks", charts.short, 2)
        y = ("one operation", charts.duration, 10)
        svg = charts.curves(f"{family}: {title}", lines, colors, x, y, 350)
        if svg:
            cards.append(card(svg, family, title))
    if not cards:
        return ""
    return (
        "<h2>Microbenchmarks</h2><p>Time of one operation; both axes are"
        " logarithmic.</p>" + legend(names, colors) + grid(cards)
    )


def rooms(results):
    """The table of what only libmm has."""
    rows = "".join(
        f"<tr><td>{escape(title)}</td><td>{time}</td><td>{escape(name)}</td></tr>"
        for name, title, time in table.rooms(results)
    )
    if not rows:
        return ""
    return (
        "<h2>Inside libmm</h2><p>Time of one operation of its lower layers.</p>"
        f'<div class="card"><table>{rows}</table></div>'
    )


def figures(results, names):
    """All medians in absolute terms, folded away."""
    rows = []
    for name, row in results["summary"]["cells"].items():
        for n in filter(results["samples"][name].get, names):
            cell = row[n]
            if not cell:
                tds = f"<td>{escape(name)}</td><td>{escape(n)}</td><td>failed</td>"
                rows.append(f"<tr>{tds}</tr>")
                continue
            values = [
                charts.duration(cell["time"]),
                charts.duration(cell["cpu"]),
                charts.size(cell["peak_kib"] * 1024),
                charts.size(cell["after_kib"] * 1024) if "after_kib" in cell else "–",
                charts.short(cell["faults"]),
                f"{cell['spread'] * 100:.0f} %",
            ]
            tds = "".join(f"<td>{v}</td>" for v in values)
            rows.append(f"<tr><td>{escape(name)}</td><td>{escape(n)}</td>{tds}</tr>")
    heads = "".join(
        f"<th>{h}</th>"
        for h in (
            "workload",
            "allocator",
            "time",
            "CPU time",
            "peak RSS",
            "RSS after",
            "page faults",
            "spread of time",
        )
    )
    return (
        "<details><summary>All medians</summary>"
        f'<div class="card"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'
        "</details>"
    )


def render(results):
    """The page as text."""
    names = [a["name"] for a in results["allocators"]]
    colors = charts.palette(names)
    body = [
        header(results),
        overview(results, names, colors),
        workload_bars(
            results,
            names,
            "program",
            "Unchanged programs under LD_PRELOAD, as ratios to glibc (dashed line). For"
            " servers: the client's time, the server's memory.",
        ),
        workload_bars(
            results,
            names,
            "pattern",
            "Fixed amounts of work that stress one thing each, as ratios to glibc.",
        ),
        scaling(results, names, colors),
        micro(results, names, colors),
        rooms(results),
        swap(results),
        figures(results, names),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Memory allocators compared</title><style>{STYLE}</style></head>\n"
        f"<body><main>{''.join(body)}</main><script>{SCRIPT}</script></body></html>\n"
    )
