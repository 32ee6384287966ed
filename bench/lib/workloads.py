# SPDX-License-Identifier: MIT
"""What is measured: tables of patterns, micro groups, rooms, and programs.

A size is an index: 0 for --quick, 1 for the ordinary run, 2 for --full.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from . import programs
from .measure import RunError

SIZES = ("quick", "short", "full")


@dataclass
class Workload:
    """One thing to run.

    run(runner, allocator path, size) returns {result name: sample}: one result
    named like the workload, or for a micro group one for each benchmark.
    """

    name: str
    layer: str  # "program", "pattern", "micro", "room" or "swap"
    title: str
    run: Callable
    needs: list = field(default_factory=list)
    prepare: Callable = None
    curve: tuple = None  # (name of the curve, x, or whose) for a point of one
    sizes: tuple = (0, 1, 2)
    mib: int = 0  # memory that it needs
    mean: bool = True  # part of the geometric means
    only: str = None  # the one allocator that has it


def pattern(name, program, title, fixed="", scaled=None, **more):
    """A pattern program; scaled is (parameter, one value per size)."""

    def run(runner, preload, size):
        argv = [runner.programs / f"bench-{program}", *fixed.split()]
        if scaled:
            argv.append(f"{scaled[0]}={scaled[1][size]}")
        sample, output = runner.run(argv, preload)
        line = json.loads(output.read_text())
        sample.update(
            after_kib=line["after_kib"],
            ns_per_op=line["ns_per_op"],
            seconds=line["seconds"],
        )
        return {name: sample}

    return Workload(name, "pattern", title, run, **more)


def random_set(label, mib, sizes, ops):
    return pattern(
        f"random-{label}",
        "random",
        f"random replacement, {mib} MiB alive",
        f"mib={mib}",
        ("ops", ops),
        curve=("working set", mib),
        sizes=sizes,
        mib=mib + mib // 2,
    )


CHURN_OPS = ("ops", (1000000, 6000000, 30000000))


def churn(threads, sizes):
    return pattern(
        f"churn-{threads}",
        "churn",
        f"small blocks in {threads} thread{'s' if threads > 1 else ''}",
        f"threads={threads}",
        CHURN_OPS,
        curve=("threads", threads),
        sizes=sizes,
    )


PATTERNS = [
    pattern(
        "replace",
        "replace",
        "replacement across thread generations",
        "threads=4",
        ("ops", (50000, 200000, 1000000)),
    ),
    pattern(
        "messages",
        "messages",
        "batches from thread to thread",
        "pairs=2",
        ("batches", (100, 500, 3000)),
    ),
    pattern(
        "sharing-active",
        "sharing",
        "false sharing, active",
        "threads=4",
        ("rounds", (200, 1000, 5000)),
    ),
    pattern(
        "sharing-passive",
        "sharing",
        "false sharing, passive",
        "threads=4 passive=1",
        ("rounds", (200, 1000, 5000)),
    ),
    pattern(
        "shortlived",
        "shortlived",
        "thousands of short-lived threads",
        "",
        ("threads", (500, 3000, 20000)),
    ),
    pattern(
        "transfer",
        "transfer",
        "thread generations, all sizes",
        "threads=4",
        ("generations", (5, 30, 150)),
    ),
    pattern(
        "batches",
        "batches",
        "small batches, freed FIFO and LIFO",
        "threads=4",
        ("rounds", (50, 300, 2000)),
    ),
    pattern(
        "batches-cross",
        "batches",
        "small batches, freed by other threads",
        "threads=4 cross=1",
        ("rounds", (50, 300, 2000)),
    ),
    pattern(
        "simple",
        "simple",
        "16 bytes, one thread, FIFO and LIFO",
        "",
        ("ops", (2000000, 15000000, 100000000)),
    ),
    pattern(
        "mixed",
        "mixed",
        "8 to 16000 bytes, half freed by others",
        "threads=4",
        ("loops", (40, 250, 1500)),
    ),
    pattern(
        "large",
        "large",
        "blocks of 5 to 25 MiB, all written",
        "",
        ("ops", (60, 250, 2000)),
        mib=800,
    ),
    # Moving pages beats copying them by one or two orders of magnitude, which
    # would drown all other rows: these stay out of the means.
    pattern(
        "grow",
        "grow",
        "realloc by 1 MiB, all written; not in means",
        "",
        ("to", (16, 48, 256)),
        mean=False,
    ),
    pattern(
        "grow-sparse",
        "grow",
        "the same, one page per MiB written",
        "written=1",
        ("to", (16, 48, 256)),
        mean=False,
    ),
    pattern(
        "grow-4g",
        "grow",
        "the same, to 4 GiB",
        "written=1 to=4096",
        sizes=(2,),
        mib=8192,
        mean=False,
    ),
    random_set("64m", 64, (0, 1, 2), (300000, 2000000, 8000000)),
    random_set("512m", 512, (1,), (0, 1000000, 0)),
    random_set("1g", 1024, (2,), (0, 0, 8000000)),
    random_set("4g", 4096, (2,), (0, 0, 8000000)),
    pattern(
        "random-threads",
        "random",
        "the same in 4 threads",
        "mib=64 threads=4",
        ("ops", (300000, 2000000, 8000000)),
    ),
    churn(1, (1, 2)),
    churn(2, (0, 1, 2)),
    churn(4, (2,)),
    churn(8, (1, 2)),
    churn(16, (2,)),
    churn(32, (2,)),
    churn(64, (0, 1, 2)),
    # 500 blocks alive fit into the lists that any allocator keeps for a thread:
    # all of them push and pop, and take the same time. 50000 do not.
    pattern(
        "churn-8-50k",
        "churn",
        "50000 blocks alive in each of 8 threads",
        "threads=8 live=50000",
        CHURN_OPS,
        sizes=(1, 2),
    ),
]

# Group, what it shows, filter for --full and, if other, for shorter runs.
MICRO = [
    ("pair", "malloc and free at once", "^(pair)/"),
    ("calls", "calloc, aligned_alloc, usable size", "^(calloc|aligned|usable)/"),
    ("batch", "many mallocs, then many frees", "^batch-"),
    (
        "replace",
        "random replacement by working set",
        "^replace/",
        "^replace/[0-9]{1,8}/",
    ),
    ("realloc", "realloc", "^realloc-"),
    ("fault", "first touch of pages", "^fault/"),
    ("thread", "threads and foreign frees", "^(thread|handoff|orphans)/"),
]

MIN_TIME_S = (0.002, 0.02, 0.2)


def micro_sample(entry):
    """One benchmark of Google Benchmark's JSON."""
    if entry.get("error_occurred"):
        return {"error": entry.get("error_message", "failed")}
    unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[entry["time_unit"]]
    return {
        "time": entry["real_time"] * unit,
        "cpu": entry["cpu_time"] * unit,
        "peak_kib": entry["peak_kib"],
        "after_kib": entry["after_kib"],
        "faults": entry["faults"],
    }


def run_google(program, pattern, runner, preload, size):
    """Run the benchmarks of a program that match: {name/argument: sample}."""
    out = runner.scratch / "micro.json"
    out.unlink(missing_ok=True)
    argv = [
        runner.programs / program,
        f"--benchmark_filter={pattern}",
        f"--benchmark_min_time={MIN_TIME_S[size]}",
        f"--benchmark_out={out}",
        "--benchmark_out_format=json",
    ]
    runner.run(argv, preload)
    entries = json.loads(out.read_text())["benchmarks"]
    if not entries:
        raise RunError("no benchmark ran")
    return {"/".join(e["name"].split("/")[:2]): micro_sample(e) for e in entries}


def micro(group, title, *filters):
    def run(runner, preload, size):
        wanted = filters[0] if size == 2 else filters[-1]
        return run_google("bench-micro", wanted, runner, preload, size)

    return Workload(f"micro-{group}", "micro", title, run)


# What only libmm has. The program is linked with libmm's rooms, those of this
# checkout, so nothing is preloaded.
ROOMS = [
    ("walk/57", "page table walk, 57-bit addresses, 5 levels"),
    ("walk/48", "the same, 48-bit addresses, 4 levels"),
    ("walk/32", "the same, 32-bit addresses, 2 levels"),
    ("tlb-hit/57", "the same through a TLB that hits, 57-bit addresses"),
    ("tlb-miss/57", "the same through a TLB that misses, as after an unmap"),
    ("buddy/1", "a page: 10 splits of a 4 MiB block, 10 merges"),
    ("buddy/1024", "a whole block of 4 MiB, taken and given back"),
]


def room(name, title):
    def run(runner, preload, size):
        return run_google("bench-rooms", f"^{name}/", runner, None, size)

    return Workload(name, "room", title, run, only="libmm")


# A heap that is 2.5 times compressible (swap/access.c), with a limit: its MiB,
# and the seconds of each run.
SWAP_MIB = (64, 256, 1024)
SWAP_S = (0.5, 1, 5)
SWAP_PATTERNS = ("uniform", "zipf", "seq")
SWAP_PERCENT = (100, 80, 65, 50)


def swap_sample(runner, argv, preload=None, env=None):
    """The access program or what runs it: rate, and KiB if it prints them."""
    sample, output = runner.run(argv, preload, env=env)
    rate, *kib = map(float, output.read_text().split())
    sample["ns_per_op"] = 1e9 / rate
    if kib:
        sample["peak_kib"] = int(kib[0])
    return sample


def swapped(pattern, percent):
    """libmm with a limit of so much of the heap; 100: none."""
    name = f"swap-{pattern}-{percent}"

    def run(runner, preload, size):
        argv = [runner.programs / "bench-access", pattern]
        argv += [SWAP_MIB[size], SWAP_S[size]]
        limit = SWAP_MIB[size] * percent // 100
        options = f"swap=4G,swap_pool={limit * 3 // 4}M,limit={limit}M"
        env = {"MM_OPTIONS": options} if percent < 100 else None
        return {name: swap_sample(runner, argv, preload, env)}

    title = f"{pattern} access, {percent} % of a heap in memory"
    return Workload(
        name, "swap", title, run, curve=(pattern, "libmm"), only="libmm"
    )


def zram_swapped(pattern, percent):
    """The kernel's zram at so much of the heap, pool included."""
    name = f"zram-{pattern}-{percent}"
    script = Path(__file__).resolve().parents[1] / "swap" / "zram_point.sh"

    def prepare(runner, _size):
        runner.run([script])

    def run(runner, _preload, size):
        argv = [script, runner.programs / "bench-access", pattern]
        argv += [SWAP_MIB[size], SWAP_S[size], percent]
        return {name: swap_sample(runner, argv)}

    title = f"the same with the kernel's zram, {pattern}, {percent} %"
    return Workload(
        name,
        "swap",
        title,
        run,
        prepare=prepare,
        curve=(pattern, "zram"),
        only="glibc",
    )


def swap_curves():
    found = [swapped(p, n) for p in SWAP_PATTERNS for n in SWAP_PERCENT]
    return found + [zram_swapped(p, n) for p in SWAP_PATTERNS for n in SWAP_PERCENT[1:]]


def available_mib():
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 0


def everything():
    found = [Workload(layer="program", **row) for row in programs.PROGRAMS]
    found += PATTERNS
    found += [micro(*row) for row in MICRO]
    found += [room(*row) for row in ROOMS]
    found += swap_curves()
    return found


def selected(size, matches, say):
    """The workloads of a size whose names the run is to have."""
    have = available_mib()
    chosen = []
    for w in everything():
        if size not in w.sizes or not matches(w):
            continue
        if w.mib > have * 0.8:
            say(f"{w.name} is left out: it needs {w.mib} MiB of memory")
            continue
        chosen.append(w)
    return chosen
