"""What is left behind when all visitors have gone, and when everything was stopped."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from attrs import define, field

from benchmarks.ordeal.cluster import READY, WholeCluster
from tests.integration.waiting import until

#: Seconds for the last sessions to end.
PATIENCE = 60.0

#: Words that begin a line of a log which should not be there.
_TRACEBACK = "Traceback (most recent call last)"

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Be the parent of each process whose own parent has ended, so that it is found at the end."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@define
class Remains:
    """Sentences about what should not be there, and remarks about what happened."""

    left: list[str] = field(factory=list, init=False)
    remarks: list[str] = field(factory=list, init=False)

    def of_visitors(self, cluster: WholeCluster) -> None:
        """While everything runs: kernels that are not in stock, and what is wrong with the database."""
        agents = [machine.agent for machine in cluster.machines]

        def counts() -> tuple[int, int, int]:
            """Kernels in use, the kernels' processes, and their directories."""
            processes = sum(len(agent.kernels()) for agent in agents)
            directories = sum(len(agent.directories()) for agent in agents)
            return cluster.web.status()["kernels"]["running"], processes, directories

        try:
            until(lambda: counts() == (0, READY, READY), seconds=PATIENCE)
        except AssertionError:
            running, processes, directories = counts()
            self.left.append(
                f"{running} sessions, {processes} kernels and {directories} directories, of which "
                f"{READY} each are ready ones"
            )
        program = str(Path(sys.executable).with_name("sagecell-tx"))
        checked = subprocess.run(
            [program, "db", "check", "--contents", "--database", cluster.database],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if checked.returncode:
            self.left.append(f"a database with faults: {checked.stdout} {checked.stderr}")

    def of_everything(self, cluster: WholeCluster) -> None:
        """Stop it all; then: processes, directories of kernels, sockets."""
        try:
            cluster.stop()
        except AssertionError as error:
            self.left.append(f"a service that did not stop in order: {error}")
        for process in _orphans():
            with suppress(psutil.NoSuchProcess):
                self.left.append(f"the process {process.pid}: {' '.join(process.cmdline())[:200]}")
        for daemon in cluster.daemons:
            for path in sorted(daemon.directory.rglob("*")):
                if path.name.startswith("k-") and path.is_dir():
                    self.left.append(f"the directory {path}")
                elif path.is_socket() and path.name != "notify":
                    self.left.append(f"the socket {path}")

    def of_logs(self, cluster: WholeCluster) -> None:
        """Tracebacks, and files that were lost after they had been announced."""
        for daemon in cluster.daemons:
            lines = daemon.log().splitlines()
            name = daemon.directory.name
            for number, line in enumerate(lines):
                if _TRACEBACK in line:
                    before = lines[max(0, number - 1)][:200]
                    self.remarks.append(f"{name}, line {number}: a traceback after: {before}")
                elif "' is lost" in line:
                    self.remarks.append(f"{name}, line {number}: {line[:200]}")


def _orphans() -> Iterator[psutil.Process]:
    """Processes that were started by the cluster, directly or not, and run."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process


def keep_logs(cluster: WholeCluster, directory: Path) -> None:
    """Copy all logs there."""
    directory.mkdir(parents=True, exist_ok=True)
    for number, web in enumerate(cluster.webs, 1):
        (directory / f"web{number}.log").write_text(web.log())
    for machine in cluster.machines:
        (directory / f"{machine.agent.name}.log").write_text(machine.agent.log())
    (directory / "controller.log").write_text(cluster.controller.log())
    (directory / "postgresql.log").write_text(cluster.postgresql.log())
