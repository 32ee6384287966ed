# SPDX-License-Identifier: MIT
"""Programs from Debian packages, each with a small fixed piece of work.

Inputs are made once, in runner.inputs, and are the same for every allocator.
"""

import os
import pwd
import random
import shutil
import subprocess
from pathlib import Path

from .measure import RunError, Server

HERE = Path(__file__).resolve().parents[1] / "programs"


def plain(name, command, needs, title, prepare=None, stdin=None, env=None):
    """A program that runs to its end.

    command(runner, size) is the argument list, stdin(runner, size) a file.
    """

    def run(runner, preload, size):
        source = stdin(runner, size) if stdin else None
        argv = command(runner, size)
        return {name: runner.run(argv, preload, source, env)[0]}

    return dict(name=name, title=title, run=run, needs=needs, prepare=prepare)


# Inputs


def vocabulary(rng):
    letters = "etaoinshrdlu"
    return ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(4000)]


def make_text(path, mib):
    rng = random.Random(1)
    known = vocabulary(rng)
    with open(path, "w", encoding="ascii") as f:
        for _ in range(mib * 8):
            line = " ".join(rng.choices(known, k=21000))
            f.write(line[: (1 << 17) - 1] + "\n")


def make_c_source(path, functions):
    """Functions with loops, switches and structs, as different as need be."""
    rng = random.Random(1)
    with open(path, "w", encoding="ascii") as f:
        f.write("struct s { long a[8]; double d; struct s *next; };\n")
        for i in range(functions):
            cases = "\n".join(
                f"\t\tcase {c}: p->a[{c % 8}] += x * {rng.randrange(99)}; break;"
                for c in range(12)
            )
            body = "\n".join(
                f"\tx = (x << {rng.randrange(1, 9)}) ^ (y >> {rng.randrange(1, 9)})"
                f" + p->a[{rng.randrange(8)}] * {rng.randrange(1000)};\n"
                f"\tif (x > {rng.randrange(10000)}) p->d *= x - y;"
                for _ in range(6)
            )
            before = f"\ty += f{i - 1}(p, x - 1, y);\n" if i else ""
            f.write(
                f"long f{i}(struct s *p, long x, long y)\n{{\n"
                f"\tfor (; p; p = p->next) {{\n\t\tswitch (x % 13) {{\n{cases}\n"
                f"\t\t}}\n\t\tx += p->a[y & 7];\n\t\tif (!p->next) break;\n\t}}\n"
                f"{body}\n{before}\treturn x ^ y;\n}}\n"
            )


def make_smt(path, n):
    """A chain of array stores whose values must all differ."""
    rng = random.Random(1)
    lines = ["(set-logic QF_AUFLIA)", "(declare-const a0 (Array Int Int))"]
    for i in range(n):
        seen = f"(select a{i} i{rng.randrange(i + 1)})"
        lines += [
            f"(declare-const i{i} Int)",
            f"(declare-const a{i + 1} (Array Int Int))",
            f"(assert (= a{i + 1} (store a{i} i{i} (+ {seen} {rng.randrange(9)}))))",
            f"(assert (and (<= 0 i{i}) (< i{i} {n // 2})))",
        ]
    picked = " ".join(f"(select a{i} i{i})" for i in range(0, n, 2))
    lines += [f"(assert (distinct {picked}))", "(check-sat)"]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def make_repository(path, commits):
    """A git repository of text files, through git fast-import."""
    rng = random.Random(1)
    known = vocabulary(rng)
    files = {f"dir{n % 7}/file{n}": rng.choices(known, k=600) for n in range(60)}
    stream = []
    for c in range(commits):
        stream.append(
            f"commit refs/heads/main\ncommitter A <a@b> {1700000000 + c} +0000\n"
            f"data 8\nchange {c % 10}\n"
        )
        for name in rng.sample(sorted(files), 5) if c else sorted(files):
            text = files[name]
            at = rng.randrange(len(text) - 20)
            text[at : at + 10] = rng.choices(known, k=12)
            body = "\n".join(" ".join(text[i : i + 8]) for i in range(0, len(text), 8))
            stream.append(f"M 100644 inline {name}\ndata {len(body)}\n{body}\n")
        stream.append("\n")
    subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)
    subprocess.run(
        ["git", "-C", str(path), "fast-import", "--quiet"],
        input="".join(stream).encode(),
        check=True,
    )


def input_file(stem, suffix, make, amounts):
    """(prepare, path) for an input that make(path, amount) makes once."""

    def path(runner, size):
        return runner.inputs / f"{stem}-{amounts[size]}{suffix}"

    def prepare(runner, size):
        final = path(runner, size)
        if final.exists():
            return
        unfinished = final.with_name(final.name + ".new")
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        make(unfinished, amounts[size])
        unfinished.rename(final)

    return prepare, path


text_prepare, text_path = input_file("text", ".txt", make_text, (1, 2, 8))
c_prepare, c_path = input_file("functions", ".c", make_c_source, (20, 60, 240))
smt_prepare, smt_path = input_file("arrays", ".smt2", make_smt, (24, 34, 40))
git_prepare, git_path = input_file("history", ".git", make_repository, (60, 400, 2000))


# Servers


def server_dir(runner):
    """An empty directory with a short path, for sockets."""
    path = runner.scratch / "server"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def redis(runner, preload, size):
    socket = server_dir(runner) / "socket"
    server = Server(
        runner,
        ["redis-server", "--port", "0", "--unixsocket", socket, "--save", "",
         "--appendonly", "no", "--dir", socket.parent],
        preload,
        socket.exists,
    )
    requests = (20000, 60000, 150000)[size]
    load = ["redis-benchmark", "-s", socket, "-q", "-n", requests, "-r", 100000,
            "-d", 200, "-P", 16, "-c", 20,
            "-t", "set,get,incr,lpush,lpop,sadd,hset,spop,zadd,mset"]
    return {"redis": server.under_load(runner, load)}


def memcached(runner, preload, size):
    socket = server_dir(runner) / "socket"
    command = ["memcached", "-s", socket, "-m", 256, "-t", 2]
    if os.geteuid() == 0:
        command += ["-u", "root"]
    server = Server(runner, command, preload, socket.exists)
    ops = (20000, 200000, 1000000)[size]
    load = [runner.programs / "bench-memcached-load", socket, ops, 1]
    return {"memcached": server.under_load(runner, load)}


POSTGRES = "/usr/lib/postgresql/*/bin/postgres"


def postgres_bin():
    found = sorted(Path("/").glob(POSTGRES[1:]), key=lambda p: float(p.parts[4]))
    return found[-1].parent


def postgres_user():
    """postgres refuses to run as root: (uid, gid) of its own account, or None."""
    if os.geteuid():
        return None
    entry = pwd.getpwnam("postgres")
    return entry.pw_uid, entry.pw_gid


def postgres_server(runner, preload):
    """The server on the prepared cluster, its socket beside the data."""
    home = runner.scratch / "postgres"
    probe = [postgres_bin() / "pg_isready", "-q", "-h", home]
    return Server(
        runner,
        [postgres_bin() / "postgres", "-D", home / "data", "-k", home,
         "-c", "listen_addresses=", "-c", "fsync=off", "-c", "work_mem=8MB",
         "-c", "max_parallel_workers_per_gather=0", "-c", "autovacuum=off"],
        preload,
        lambda: subprocess.run(probe).returncode == 0,
        stop=2,
        user=postgres_user(),
    )


def postgres_prepare(runner, _size):
    home = runner.scratch / "postgres"
    home.mkdir()
    user = postgres_user()
    account = {}
    if user:
        os.chown(home, *user)
        account = dict(user=user[0], group=user[1], extra_groups=[])
    subprocess.run(
        [postgres_bin() / "initdb", "-D", home / "data", "-A", "trust", "-U", "bench",
         "--no-sync", "--no-locale"],
        stdout=subprocess.DEVNULL, env=runner.env, cwd=home, check=True, **account,
    )
    server = postgres_server(runner, None)
    psql = [postgres_bin() / "psql", "-q", "-h", home, "-U", "bench", "-d", "postgres",
            "-f", HERE / "tables.sql"]
    done = subprocess.run(psql, env=runner.env, cwd=home)
    server.end()
    if done.returncode:
        raise RunError("the tables cannot be made")


def postgres(runner, preload, size):
    server = postgres_server(runner, preload)
    home = runner.scratch / "postgres"
    transactions = (10, 150, 300)[size]
    load = [postgres_bin() / "pgbench", "-n", "-h", home, "-U", "bench",
            "--random-seed=1", "-f", HERE / "report.sql", "-c", 2, "-j", 1,
            "-t", transactions, "postgres"]
    return {"postgres": server.under_load(runner, load)}


# The table


PROGRAMS = [
    dict(name="redis", title="redis-server under redis-benchmark", run=redis,
         needs=[("redis-server", "redis-server"),
                ("redis-benchmark", "redis-tools")]),
    plain("sqlite3",
          lambda r, size: ["sqlite3", "-cmd",
                           f".parameter set :rows {(5000, 90000, 400000)[size]}",
                           ":memory:"],
          [("sqlite3", "sqlite3")], "tables, joins, aggregates in memory",
          stdin=lambda r, size: HERE / "rows.sql"),
    dict(name="postgres", title="postgres under pgbench", run=postgres,
         prepare=postgres_prepare, needs=[(POSTGRES, "postgresql")]),
    plain("python3",
          lambda r, size: ["/usr/bin/python3", HERE / "objects.py", (1, 4, 16)[size]],
          [("/usr/bin/python3", "python3")], "dicts, strings, JSON, re"),
    plain("perl",
          lambda r, size: ["perl", HERE / "words.pl", (1, 10, 40)[size]],
          [("perl", "perl")], "hashes, split, sort, regexes"),
    plain("gcc",
          lambda r, size: ["gcc", "-O2", "-c", "-o", "/dev/null", c_path(r, size)],
          [("gcc", "gcc")], "one C file at -O2", prepare=c_prepare),
    plain("clang",
          lambda r, size: ["clang++", "-std=c++17", "-c",
                           f"-O{(0, 0, 1)[size]}", f"-DWIDTH={(0, 0, 4)[size]}",
                           "-o", r.scratch / "templates.o", HERE / "templates.cc"],
          [("clang++", "clang"), ("g++", "g++")], "C++ templates"),
    plain("z3", lambda r, size: ["z3", smt_path(r, size)],
          [("z3", "z3")], "arrays and integers", prepare=smt_prepare),
    plain("ghostscript",
          lambda r, size: ["gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite",
                           f"-dPAGES={(10, 100, 400)[size]}",
                           "-o", r.scratch / "drawing.pdf", HERE / "drawing.ps"],
          [("gs", "ghostscript")], "PostScript to PDF"),
    dict(name="memcached", title="memcached, sets and gets", run=memcached,
         needs=[("memcached", "memcached")]),
    plain("node", lambda r, size: ["node", HERE / "buffers.js", (1, 5, 20)[size]],
          [("node", "nodejs")], "buffers, JSON, zlib"),
    plain("xz", lambda r, size: ["xz", "-T2", "--block-size=1MiB", "-3", "-c",
                                 text_path(r, size)],
          [("xz", "xz-utils")], "compression, two threads", prepare=text_prepare),
    plain("git",
          lambda r, size: ["git", "-C", git_path(r, size), "-c", "pack.threads=2",
                           "repack", "-a", "-d", "-f", "-q"],
          [("git", "git")], "repack of a history", prepare=git_prepare,
          env={"GIT_CONFIG_NOSYSTEM": "1"}),
]
