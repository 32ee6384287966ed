# SPDX-License-Identifier: MIT
"""The results as Markdown, for the README and the terminal."""

from . import charts, machine

LAYER_TITLES = {
    "program": "Programs",
    "pattern": "Patterns",
    "micro": "Microbenchmarks",
}


def number(value):
    """A ratio in three digits; a dash for none."""
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def best(values):
    known = [v for v in values if v is not None]
    return min(known) if known else None


def line(cells):
    return "| " + " | ".join(cells) + " |"


def emphasized(values):
    """Numbers of one row, the smallest in bold."""
    smallest = best(values)
    return [
        f"**{number(v)}**" if v is not None and v == smallest else number(v)
        for v in values
    ]


def heads(results):
    return [a["name"] for a in results["allocators"]]


def means_table(results):
    """One row per layer and metric: geometric means of the ratios to glibc."""
    names = heads(results)
    rows = [line(["geometric mean, glibc = 1", *names])]
    rows.append(line(["---", *["---:"] * len(names)]))
    for layer, means in results["summary"]["means"].items():
        for metric, title in (("time", "time"), ("rss", "peak RSS")):
            if layer == "micro" and metric == "rss":
                continue
            values = [means[n][metric] for n in names]
            label = f"{LAYER_TITLES[layer]} ({means[names[0]]['rows']}), {title}"
            rows.append(line([label, *emphasized(values)]))
    return rows


def workload_table(results, layer):
    """One row per workload: time and peak RSS, as ratios to glibc."""
    names = heads(results)
    cells = results["summary"]["cells"]
    rows = [line([f"{LAYER_TITLES[layer]}: time / peak RSS", *names])]
    rows.append(line(["---", *["---:"] * len(names)]))
    for w in results["workloads"]:
        if w["layer"] != layer:
            continue
        row = cells[w["name"]]
        times = emphasized([row[n] and row[n]["time_ratio"] for n in names])
        sizes = emphasized([row[n] and row[n]["rss_ratio"] for n in names])
        both = [
            f"{t} / {s}" if row[n] else "failed" for n, t, s in zip(names, times, sizes)
        ]
        rows.append(line([w["name"], *both]))
    return rows


def rooms(results):
    """(name, title, time of one operation) of what only libmm has."""
    cells = results["summary"]["cells"]
    for w in results["workloads"]:
        if w["layer"] == "room":
            cell = cells[w["name"]][charts.OURS]
            time = charts.duration(cell["time"]) if cell else "failed"
            yield w["name"], w["title"], time


def room_table(results):
    rows = [line(["", "Inside libmm", "one operation"]), line(["---", "---", "---:"])]
    rows += map(line, rooms(results))
    return ["", *rows] if len(rows) > 2 else []


def render(results):
    """The whole text."""
    rounds = results["rounds"]
    text = means_table(results)
    for layer in ("program", "pattern"):
        if layer in results["summary"]["means"]:
            text += ["", *workload_table(results, layer)]
    text += room_table(results)
    text += [
        "",
        f"Medians of {rounds} interleaved round{'s' if rounds != 1 else ''} of "
        f"`{results['command']}`, smaller is better. "
        + "; ".join(machine.facts(results["machine"]))
        + ".",
    ]
    return "\n".join(text) + "\n"
