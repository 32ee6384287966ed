#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs one misuse program under libmm and compares what it says.

Usage: run.py LIBMM CASE PROGRAM [ARGS...]

The program prints the address it is about to misuse, the usable size and the
start of its block; the expected line is built from these. CASES says how each
case has to end, and with exactly which line on stderr.
"""
import os
import signal
import subprocess
import sys

TIMEOUT = 60
ABORT = -signal.SIGABRT

DOUBLE_OBJECT = "mm: double free of {a} (object of {size} bytes)"
DOUBLE_PAGES = "mm: double free of {a} (free pages)"
INSIDE_OBJECT = ("mm: invalid free of {a}: {off} bytes inside an object of "
                 "{size} bytes at {base}")
INSIDE_BLOCK = ("mm: invalid free of {a}: {off} bytes inside a block of "
                "{size} bytes at {base}")
NO_BLOCK = "mm: invalid free of {a}: no block was ever there"
FOREIGN_FREE = ("mm: free of {a}: not a block of libmm; ignored "
                "(reported once)")
FOREIGN_REALLOC = ("mm: realloc of {a}: not a block of libmm; ignored "
                   "(reported once)")

# case: (MM_OPTIONS, exit status, the one line on stderr)
CASES = {
    "double-free-object": ("check=on", ABORT, DOUBLE_OBJECT),
    "inside-object": ("check=on", ABORT, INSIDE_OBJECT),
    "double-free-pages": (None, ABORT, DOUBLE_PAGES),
    "inside-block": (None, ABORT, INSIDE_BLOCK),
    "no-block": (None, ABORT, NO_BLOCK),
    "foreign-free": (None, 0, FOREIGN_FREE),
    "foreign-realloc": (None, 0, FOREIGN_REALLOC),
}


def end_in_report_or_abort(status, err, _):
    """Where detection is left to a slow path: never a hang, never SIGSEGV."""
    return status == ABORT and (not err or err.startswith("mm: "))


def unknown_option(status, err, options):
    key = options.split("=")[0]
    lines = err.splitlines()
    return (status == 0 and len(lines) == 1
            and lines[0].startswith(f'mm: unknown option "{key}"'))


def one_warning(status, err, _):
    lines = err.splitlines()
    return status == 0 and len(lines) == 1 and lines[0].startswith("mm: ")


# case: (MM_OPTIONS, predicate on status, stderr, options)
JUDGED = {
    "late-detection": (None, end_in_report_or_abort),
    "unknown-option": ("swapp=1", unknown_option),
    "bogus-option": ("bogus", unknown_option),
    "bad-value": ("numa=fake:999", one_warning),
}


def run(libmm, options, argv):
    env = dict(os.environ, LD_PRELOAD=libmm)
    env.pop("MM_OPTIONS", None)
    if options:
        env["MM_OPTIONS"] = options
    p = subprocess.run(argv, env=env, timeout=TIMEOUT, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    print(f"status {p.returncode}\nstdout: {p.stdout}stderr: {p.stderr}")
    return p


def expected_line(template, stdout):
    a, size, base = stdout.split()
    return template.format(a=a, size=size, base=base,
                           off=int(a, 16) - int(base, 16)) + "\n"


def main():
    libmm, case, *argv = sys.argv[1:]
    libmm = os.path.abspath(libmm)
    if case in JUDGED:
        options, judge = JUDGED[case]
        p = run(libmm, options, argv)
        return 0 if judge(p.returncode, p.stderr, options) else 1
    options, status, template = CASES[case]
    p = run(libmm, options, argv)
    expected = expected_line(template, p.stdout)
    print(f"expected status {status}, stderr: {expected}")
    return 0 if (p.returncode, p.stderr) == (status, expected) else 1


if __name__ == "__main__":
    sys.exit(main())
