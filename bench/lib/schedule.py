# SPDX-License-Identifier: MIT
"""The interleaved rounds, with a line that shows how far they are."""

import sys
import time

from .measure import RunError


class Progress:
    """One line that is written over; on a pipe, a line every ten percent."""

    def __init__(self, out=sys.stderr):
        self.out = out
        self.tty = out.isatty()
        self.shown = -1
        self.started = time.monotonic()
        self.dirty = False

    def say(self, text):
        """A line that stays."""
        self.clear()
        print(f"bench: {text}", file=self.out, flush=True)

    def clear(self):
        if self.tty and self.dirty:
            self.out.write("\r\033[K")
            self.dirty = False

    def update(self, done, what):
        """@done: 0..1 of the whole work; @what: what runs now."""
        spent = time.monotonic() - self.started
        left = spent / done * (1 - done) if done > 0.02 else None
        if self.tty:
            filled = int(done * 24)
            eta = f"{clock(left)} left" if left is not None else ""
            self.out.write(
                f"\r\033[K[{'#' * filled}{'.' * (24 - filled)}] {done:4.0%}  "
                f"{what[:40]:40} {clock(spent)}  {eta}"
            )
            self.out.flush()
            self.dirty = True
        elif int(done * 10) > self.shown:
            self.shown = int(done * 10)
            self.say(f"{done:4.0%} after {clock(spent)}: {what}")


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def prepare(runner, workloads, size, progress):
    """Make the inputs; returns the workloads that can run."""
    ready = []
    for w in workloads:
        try:
            if w.prepare:
                progress.update(0, f"preparing {w.name}")
                w.prepare(runner, size)
            ready.append(w)
        except (RunError, OSError, ValueError) as err:
            progress.say(f"{w.name} is left out: {err}")
    progress.clear()
    return ready


def run_one(runner, workload, allocator, size):
    """{result name: sample}; a failure is a sample with an error."""
    try:
        return workload.run(runner, allocator.path, size)
    except (RunError, OSError, ValueError, KeyError) as err:
        return {workload.name: {"error": str(err)}}


def run_rounds(runner, workloads, allocators, size, rounds, seconds, progress):
    """All rounds; returns (rounds done, samples, failures).

    In each round every workload runs under every allocator in turn, and each
    round begins one allocator later. What failed once is not tried again. A
    round starts only if @seconds (None: no limit) are likely to suffice for it.
    """
    samples, failures = {}, set()
    runs = len(workloads) * len(allocators)
    started = time.monotonic()
    done = 0
    for nr in range(rounds):
        spent = time.monotonic() - started
        if nr and seconds is not None and spent * (nr + 1) / nr > seconds:
            progress.say(f"{nr} of {rounds} rounds: there is no time for more")
            return nr, samples, failures
        turn = nr % len(allocators)
        order = allocators[turn:] + allocators[:turn]
        for w in workloads:
            for a in order:
                text = f"round {nr + 1}/{rounds}  {w.name}  {a.name}"
                progress.update(done / (runs * rounds), text)
                done += 1
                if (w.name, a.name) in failures or w.only not in (None, a.name):
                    continue
                for name, sample in run_one(runner, w, a, size).items():
                    samples.setdefault(name, {}).setdefault(a.name, []).append(sample)
                    if "error" in sample and (name, a.name) not in failures:
                        failures.add((name, a.name))
                        progress.say(f"{name} fails under {a.name}: {sample['error']}")
    progress.clear()
    return rounds, samples, failures
