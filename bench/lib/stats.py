# SPDX-License-Identifier: MIT
"""From samples to medians, ratios to glibc and geometric means."""

import math
from statistics import median

BASE = "glibc"
LAYERS = ("program", "pattern", "micro")
METRICS = ("time", "cpu", "peak_kib", "after_kib", "faults", "ns_per_op")


def medians(samples):
    """Medians of one allocator's samples of one workload; None if it failed."""
    if not samples or any("error" in s for s in samples):
        return None
    result = {}
    for metric in METRICS:
        values = [s[metric] for s in samples if s.get(metric) is not None]
        if values:
            result[metric] = median(values)
    times = [s["time"] for s in samples]
    result["spread"] = (max(times) - min(times)) / median(times)
    return result


def ratio(mine, base, metric):
    """Mine to glibc's, or None where there is nothing to compare."""
    if not mine or not base or not mine.get(metric) or not base.get(metric):
        return None
    return mine[metric] / base[metric]


def geomean(values):
    values = [v for v in values if v]
    if not values:
        return None
    return math.exp(sum(map(math.log, values)) / len(values))


def summarize(results):
    """Fill results["summary"] from results["samples"].

    cells[workload][allocator] has medians and ratios; means[layer][allocator]
    has geometric means of the time and RSS ratios over the workloads in which
    no allocator failed, so that nobody gains by failing, and how many failed.
    """
    names = [a["name"] for a in results["allocators"]]
    layer_of = {w["name"]: w["layer"] for w in results["workloads"] if w["mean"]}
    cells = {}
    for workload, by_allocator in results["samples"].items():
        row = {n: medians(by_allocator.get(n)) for n in names}
        base = row.get(BASE)
        for cell in filter(None, row.values()):
            cell["time_ratio"] = ratio(cell, base, "time")
            cell["rss_ratio"] = ratio(cell, base, "peak_kib")
        cells[workload] = row
    means = {}
    for layer in LAYERS:
        rows = [row for w, row in cells.items() if layer_of.get(w) == layer]
        common = [row for row in rows if all(row.values())]
        if not rows:
            continue
        means[layer] = {
            n: {
                "time": geomean(row[n]["time_ratio"] for row in common),
                "rss": geomean(row[n]["rss_ratio"] for row in common),
                "rows": len(common),
                "failed": sum(row[n] is None for row in rows),
            }
            for n in names
        }
    results["summary"] = {"cells": cells, "means": means}
    return results
