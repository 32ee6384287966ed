# SPDX-License-Identifier: MIT
"""What the figures depend on beside the allocators."""

import os
import platform
import subprocess
from pathlib import Path

from .install import TOP


def field(path, name):
    """The value after "name:" in a file of /proc, or ""."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def chosen(path):
    """The bracketed word of a file in /sys, or ""."""
    try:
        words = Path(path).read_text(encoding="ascii").split()
    except OSError:
        return ""
    return next((w.strip("[]") for w in words if w.startswith("[")), "")


def git(*args):
    command = ["git", "-C", str(TOP), *args]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def distribution():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def describe():
    """Facts about the machine, the kernel and this checkout."""
    thp = "/sys/kernel/mm/transparent_hugepage"
    return {
        "cpu": field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(field("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "kernel": platform.release(),
        "system": distribution(),
        "thp": chosen(f"{thp}/enabled"),
        "thp_defrag": chosen(f"{thp}/defrag"),
        "load": round(os.getloadavg()[0], 2),
        "commit": git("rev-parse", "HEAD"),
        "changed": bool(git("status", "--porcelain")),
    }


def facts(machine):
    """The same as short lines of text."""
    commit = (machine["commit"] or "none")[:12]
    return [
        f"{machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_mib'] / 1024:.0f} GiB",
        f"{machine['system']}, Linux {machine['kernel']}",
        f"THP {machine['thp'] or '?'} (defrag {machine['thp_defrag'] or '?'})",
        f"commit {commit}{' with changes' if machine['changed'] else ''}",
        f"load before the run {machine['load']}",
    ]
