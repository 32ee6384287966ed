# SPDX-License-Identifier: MIT
"""The libraries that are compared, and proof that each is really in use."""

import platform
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from . import install

MULTIARCH = f"{platform.machine()}-linux-gnu"

# name, where Debian has the library, its package
RIVALS = [
    ("jemalloc", f"/usr/lib/{MULTIARCH}/libjemalloc.so.2", "libjemalloc2"),
    ("mimalloc", f"/usr/lib/{MULTIARCH}/libmimalloc.so.2.0", "libmimalloc2.0"),
    (
        "tcmalloc",
        f"/usr/lib/{MULTIARCH}/libtcmalloc_minimal.so.4",
        "libtcmalloc-minimal4",
    ),
    ("tbbmalloc", f"/usr/lib/{MULTIARCH}/libtbbmalloc_proxy.so.2", "libtbbmalloc2"),
    (
        "scudo",
        "/usr/lib/llvm-*/lib/clang/*/lib/linux/"
        f"libclang_rt.scudo_standalone-{platform.machine()}.so",
        "libclang-rt-14-dev",
    ),
]


@dataclass(frozen=True)
class Allocator:
    """One column of the comparison; the version is what Debian calls it."""

    name: str
    path: str
    version: str = ""


def newest(pattern):
    """The last file in version order that an absolute pattern matches."""

    def version_key(path):
        return [int(p) if p.isdigit() else 0 for p in path.parts]

    found = sorted(Path("/").glob(pattern[1:]), key=version_key)
    return found[-1] if found else None


def package_version(package):
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package],
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def libc_path(programs):
    """The C library that malloc comes from when nothing is preloaded."""
    return whose(programs, None)


def whose(programs, preload):
    """The file that malloc comes from under a preloaded library."""
    env = {"LD_PRELOAD": preload} if preload else {}
    done = subprocess.run(
        [str(programs / "bench-whose")], env=env, capture_output=True, text=True
    )
    if done.returncode:
        detail = done.stderr.strip() or f"status {done.returncode}"
        raise install.SetupError(f"nothing runs under {preload}: {detail}")
    return done.stdout.strip()


def verify(programs, allocator):
    """Raise SetupError unless malloc is the library's own."""
    found = whose(programs, allocator.path)
    if Path(found).resolve() == Path(allocator.path).resolve():
        return
    # A proxy library may bring the real one along, but never the C library's.
    if Path(found).resolve() == Path(libc_path(programs)).resolve():
        raise install.SetupError(f"{allocator.path} does not replace malloc")


def find(programs, extra, wanted, say, may_install):
    """All allocators, glibc first, then libmm, the extra ones and the rivals.

    @extra is a list of (name, path), which may name another build of libmm;
    @wanted is a set of names or None for all.
    """

    def want(name):
        return wanted is None or name in wanted

    version = platform.libc_ver()[1]
    found = [Allocator("glibc", libc_path(programs), version)]
    if want("libmm") and "libmm" not in dict(extra):
        found.append(Allocator("libmm", str(install.build_libmm(say))))
    found += [Allocator(n, str(Path(p).resolve())) for n, p in extra if want(n)]
    rivals = [r for r in RIVALS if want(r[0])]
    install.install([(path, pkg) for _, path, pkg in rivals], say, may_install)
    for name, pattern, package in rivals:
        path = newest(pattern)
        if path:
            found.append(Allocator(name, str(path), package_version(package)))
        else:
            say(f"{name} is left out: package {package} is not installed")
    return found


def stage(programs, allocator, directory):
    """The same allocator, in a directory that every user can read.

    A copy, so that a rebuild does not change what is being measured. Debian's
    libraries stay where they are. Raises SetupError unless it works.
    """
    if allocator.path.startswith(("/usr/", "/lib")):
        staged = allocator
    else:
        copy = directory / allocator.name / Path(allocator.path).name
        copy.parent.mkdir(parents=True)
        shutil.copy(allocator.path, copy)
        copy.chmod(0o755)
        staged = replace(allocator, path=str(copy))
    if allocator.name != "glibc":
        verify(programs, staged)
    return staged
