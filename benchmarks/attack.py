"""``python -m benchmarks.attack``: what ordinary visitors notice while a server is attacked.

A server with default settings, ten visitors who send requests repeatedly, and an attacker, each
with its own address in a trusted proxy's header. The visitors' waits are compared with those of
the same visitors without the attack, but with the same load on the machine's processors.
It is a measurement, not a test: the exit status is always 0.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypeVar

from attrs import frozen

from benchmarks import machine
from benchmarks.attackers import ATTACKS
from benchmarks.client import Unexpected, call
from benchmarks.peers.sagecell import SagecellTx
from benchmarks.visitors import Noticed, Visitors

T = TypeVar("T")

VISITORS = 10

#: How long a server may take to become idle again, in seconds.
REST = 90.0

#: Default settings, except that the proxies do not include an attacker who uses no proxy.
_SETTINGS = {"12": 'proxies = ["127.0.0.1/32"]\n'}

_AIM = 0.250

_TITLES = {
    "1": "search memory for others' kernels",
    "2": "forms that are expensive to parse",
    "3": "directories too deep, and with many files",
    "5": "a second server on the same state",
    "8": "88 sleeping processes of 700 MB",
    "11": "JSON of many containers",
    "12": "1,200 connections, a byte each ten seconds",
}


@frozen
class Run:
    """Visitors during an attack, and during the same load without one. Load is in processors."""

    attacked: Noticed
    beside: Noticed
    load: float
    stolen: int

    @property
    def longer(self) -> float:
        """How much longer the longest wait was, in seconds."""
        return self.attacked.longest - self.beside.longest


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack, measure and print."""
    options = _options(arguments)
    print("\n".join(machine.describe()), end="\n\n", flush=True)
    print(
        f"{VISITORS} visitors; medians of {options.runs} runs of {options.seconds:g} s. Waits are "
        "the longest of all visitors', in ms.\nFailures are of all runs together. Load is the "
        "number of processors that the attack uses.\n"
    )
    print(f"{'':<46}{'attacked':>9}{'beside':>8}{'longer':>8}{'load':>6}{'failed':>8}{'stolen':>8}")
    failures: list[str] = []
    for name in options.only or ATTACKS:
        runs = _runs(name, options, failures)
        longer = median(run.longer for run in runs)
        failed = sum(len(run.attacked.failures) for run in runs)
        stolen = sum(run.stolen for run in runs)
        attacked = median(run.attacked.longest for run in runs)
        beside = median(run.beside.longest for run in runs)
        load = median(run.load for run in runs)
        verdict = "holds" if longer <= _AIM and not failed and not stolen else "MISSED"
        print(
            f"{name:>3} {_TITLES[name]:<42}{attacked * 1e3:>9.0f}{beside * 1e3:>8.0f}"
            f"{longer * 1e3:>8.0f}{load:>6.2f}{failed:>8}{stolen:>8}  {verdict}",
            flush=True,
        )
    if failures:
        print("\nFailures:", *sorted(set(failures))[:40], sep="\n  ")
    return 0


def _runs(name: str, options: argparse.Namespace, failures: list[str]) -> list[Run]:
    """The runs of one attack, all on one new server."""
    with tempfile.TemporaryDirectory(prefix="attack-") as directory:
        server = SagecellTx(Path(directory) / "server", settings=_SETTINGS.get(name, ""))
        server.start()
        try:
            _visit(server, 3.0)  # to warm up
            calm = _load(lambda: _visit(server, options.seconds))[1]
            runs = []
            for _ in range(options.runs):
                runs.append(_run(name, server, options.seconds, calm))
                for kind in ("attacked", "beside"):
                    said = getattr(runs[-1], kind).failures
                    failures += [f"{name}, {kind}: {each}" for each in said]
            return runs
        finally:
            server.stop()


def _run(name: str, server: SagecellTx, seconds: float, calm: float) -> Run:
    stolen = 0

    def under_attack() -> Noticed:
        nonlocal stolen
        state = str(server.directory / "state")
        command = [sys.executable, "-m", "benchmarks.attackers", name, server.url, str(seconds)]
        attacker = subprocess.Popen(
            [*command, state],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Linux divides the processors among sessions
        )
        try:
            noticed = _visit(server, seconds)
            told, _ = attacker.communicate(timeout=30)
            stolen = json.loads(told)["stolen"] if told else 0
            return noticed
        finally:
            attacker.kill()
            attacker.wait()

    attacked, busy = _load(under_attack)
    _await_rest(server)
    load = max(0.0, busy - calm)
    with _burning(load):
        beside = _visit(server, seconds)
    return Run(attacked, beside, load, stolen)


def _visit(server: SagecellTx, seconds: float) -> Noticed:
    visitors = Visitors(server, VISITORS)
    visitors.start()
    time.sleep(seconds)
    return visitors.finish()


def _load(play: Callable[[], T]) -> tuple[T, float]:
    """What `play` returns, and how many processors were busy meanwhile."""
    before, begun = _busy(), time.monotonic()
    result = play()
    return result, (_busy() - before) / (time.monotonic() - begun)


def _busy() -> float:
    """Seconds that all processors together have been busy."""
    fields = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]
    idle, waiting = int(fields[3]), int(fields[4])
    return (sum(map(int, fields[:8])) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def _await_rest(server: SagecellTx) -> None:
    """Return when no kernel is in use any more, except the completer."""
    deadline = time.monotonic() + REST
    while time.monotonic() < deadline:
        try:
            if call("GET", f"{server.url}/status.json")["kernels"]["running"] <= 1:
                return
        except (Unexpected, OSError):
            pass
        time.sleep(0.2)
    print("kernels of the attacker are still running", file=sys.stderr)


@contextmanager
def _burning(load: float) -> Iterator[None]:
    """Keeps `load` processors busy meanwhile, by processes that do nothing else."""
    count = min(len(os.sched_getaffinity(0)) * 4, max(1, round(load)))
    burners = [
        multiprocessing.Process(target=_burn, args=(min(1.0, load / count),), daemon=True)
        for _ in range(count)
    ]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.join()


def _burn(share: float) -> None:
    """Keep a processor busy for a share of the time, in a separate session."""
    os.setsid()
    slice_ = 0.02
    while True:
        until = time.perf_counter() + share * slice_
        while time.perf_counter() < until:
            pass
        time.sleep((1 - share) * slice_)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=ATTACKS, help="this attack only; may be repeated"
    )
    parser.add_argument("--runs", type=int, default=5, help="how often each attack is run [5]")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each run lasts [10]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
