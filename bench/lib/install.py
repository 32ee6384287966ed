# SPDX-License-Identifier: MIT
"""Debian packages that are missing, and the build of the benchmark programs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build-bench"

# (file that shows that it is there, package that brings it)
BUILD_NEEDS = [
    ("gcc", "gcc"),
    ("g++", "g++"),
    ("meson", "meson"),
    ("ninja", "ninja-build"),
    ("/usr/include/numaif.h", "libnuma-dev"),
    ("/usr/include/benchmark/benchmark.h", "libbenchmark-dev"),
]


class SetupError(Exception):
    """Something that the benchmark cannot do without is missing."""


def present(need):
    """Is a command in PATH, or does a file match an absolute pattern?"""
    if need.startswith("/"):
        return bool(list(Path("/").glob(need[1:])))
    return shutil.which(need) is not None


def apt_get():
    """The apt-get command line prefix, or None if packages cannot be had."""
    if not shutil.which("apt-get"):
        return None
    options = ["-qq", "-o", "DPkg::Lock::Timeout=120"]
    if os.geteuid() == 0:
        return ["apt-get", *options]
    if shutil.which("sudo"):
        probe = subprocess.run(["sudo", "-n", "true"], capture_output=True)
        if probe.returncode == 0:
            return ["sudo", "-n", "apt-get", *options]
    return None


def install(needs, say, allowed=True):
    """Install the packages of the needs that are not present.

    Returns the packages that are still missing.
    """
    packages = sorted({pkg for need, pkg in needs if not present(need)})
    command = apt_get() if allowed and packages else None
    if command:
        say(f"installing {' '.join(packages)}")
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        quiet = dict(env=env, stdout=subprocess.DEVNULL)
        subprocess.run([*command, "update"], check=False, **quiet)
        # One by one, so that one unknown package does not hold up the others.
        for pkg in packages:
            subprocess.run(
                [*command, "install", "-y", "--no-install-recommends", pkg],
                check=False,
                **quiet,
            )
    return {pkg for need, pkg in needs if not present(need)}


def run_logged(command, log):
    """Run a build step; on failure show its output and raise SetupError."""
    done = subprocess.run(
        command, cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with open(log, "a", encoding="utf-8") as f:
        f.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:])
        raise SetupError(f"{command[0]} failed; the whole output is in {log}")
    return done.stdout


def build_programs(build, say):
    """Build the benchmark programs in @build and return their directory."""
    build.mkdir(parents=True, exist_ok=True)
    log = build / "bench-build.log"
    log.write_text("")
    say("building the benchmark programs")
    if not (build / "build.ninja").exists():
        options = ["--buildtype=release", "-Dbench=true", "-Dtests=false"]
        run_logged(["meson", "setup", str(build), *options], log)
    run_logged(["ninja", "-C", str(build), "bench"], log)
    return build / "bench"


def build_libmm(say):
    """Build the release library as mmrun does, and return its path."""
    say("building libmm")
    done = subprocess.run(
        [str(TOP / "mmrun"), "--build-only"], capture_output=True, text=True
    )
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SetupError("libmm.so cannot be built")
    return Path(done.stdout.split()[-1])
