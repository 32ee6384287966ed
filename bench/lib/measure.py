# SPDX-License-Identifier: MIT
"""Run one program, or a server under load, and say what it cost."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

TIMEOUT_S = 120
CLEAN_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


class RunError(Exception):
    """The program did not do its work."""


def report_of(path):
    """The two lines of bench-launch: pid, costs (None while it runs)."""
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return (lines + [None, None])[:2]


def sample_of(costs):
    """One measurement, in seconds and KiB."""
    if costs is None:
        raise RunError("the launcher failed")
    if costs["timeout"]:
        raise RunError("it ran into the time limit")
    if costs["signal"]:
        raise RunError(f"killed by {signal.Signals(costs['signal']).name}")
    return {
        "time": costs["wall_ns"] * 1e-9,
        "cpu": (costs["user_us"] + costs["sys_us"]) * 1e-6,
        "peak_kib": costs["peak_kib"],
        "after_kib": costs["exit_kib"] if costs["exit_kib"] >= 0 else None,
        "faults": costs["minflt"] + costs["majflt"],
    }


def rss_kib(pid):
    """VmRSS of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return None


class Runner:
    """Starts programs through bench-launch, in a scratch directory."""

    def __init__(self, programs, scratch, inputs):
        self.programs = Path(programs)
        self.scratch = Path(scratch)
        self.inputs = Path(inputs)
        self.env = dict(CLEAN_ENV, HOME=str(scratch))

    def launch(self, argv, preload, report, *flags, env=None, **popen):
        command = [str(self.programs / "bench-launch"), "-o", str(report), *flags]
        if preload:
            command += ["-p", preload]
        return subprocess.Popen(
            [*command, *map(str, argv)],
            env={**self.env, **(env or {})},
            cwd=self.scratch,
            **popen,
        )

    def run(self, argv, preload=None, stdin=None, env=None):
        """Run to the end; returns (sample, file of standard output)."""
        report = self.scratch / "report.json"
        out = self.scratch / "stdout"
        err = self.scratch / "stderr"
        report.unlink(missing_ok=True)
        source = open(stdin, "rb") if stdin else subprocess.DEVNULL
        try:
            with open(out, "wb") as stdout, open(err, "wb") as stderr:
                self.launch(
                    argv,
                    preload,
                    report,
                    "-t",
                    str(TIMEOUT_S),
                    env=env,
                    stdin=source,
                    stdout=stdout,
                    stderr=stderr,
                ).wait()
        finally:
            if stdin:
                source.close()
        costs = report_of(report)[1] if report.exists() else None
        sample = sample_of(costs)
        if costs["status"]:
            tail = err.read_text(errors="replace").strip()[-200:]
            raise RunError(f"exit status {costs['status']}: {tail}")
        return sample, out


class Server:
    """A server in the background; its costs come when it has ended.

    @ready: a function that is true once the server answers
    @stop:  the signal that ends it in good order
    @user:  (uid, gid) to run as, or None
    """

    def __init__(self, runner, argv, preload, ready, stop=signal.SIGTERM, user=None):
        self.report = runner.scratch / "server.json"
        self.log = runner.scratch / "server.log"
        self.report.unlink(missing_ok=True)
        self.stop_signal = stop
        flags = ["-s"]
        if user:
            flags += ["-u", f"{user[0]}:{user[1]}"]
        with open(self.log, "wb") as log:
            self.launcher = runner.launch(
                argv,
                preload,
                self.report,
                *flags,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = None
        self.wait_until(ready)

    def wait_until(self, ready):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.launcher.poll() is None:
            if self.pid is None and self.report.exists():
                first = report_of(self.report)[0]
                self.pid = first and first["pid"]
            if self.pid and ready():
                return
            time.sleep(0.01)
        tail = self.log.read_text(errors="replace").strip()[-200:]
        self.end()
        raise RunError(f"the server does not answer: {tail}")

    def end(self):
        """Stop it; returns its costs, or None if it was not in order."""
        if self.pid and self.launcher.poll() is None:
            os.kill(self.pid, self.stop_signal)
        try:
            self.launcher.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.launcher.kill()  # the server dies with it
            self.launcher.wait()
        return report_of(self.report)[1] if self.report.exists() else None

    def under_load(self, runner, client):
        """Time of the client, memory and CPU time of the server."""
        try:
            load = runner.run(client)[0]
            after = rss_kib(self.pid)
        except (RunError, OSError) as err:
            self.end()
            raise RunError(f"under load: {err}") from err
        sample = sample_of(self.end())
        sample.update(time=load["time"], after_kib=after)
        return sample
