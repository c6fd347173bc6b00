"""``python -m benchmarks.scale``: a thousand live kernels on one machine, and a thousand idle clients.

Kernels are started by a few threads, as fast as the server starts them. Each runs a cell with numpy, and its client
stays connected. At some numbers of kernels the benchmark measures what they cost. Then as many clients listen to a few
kernels of another server, while twenty sessions compute.

It is a measurement, not a test: the exit status is 0 unless something is lost. It stops by itself when the machine has
less than 3 GB of memory available, or after some minutes, and prints what it has.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks import machine
from benchmarks.attendant import Attendant
from benchmarks.idleclients import SETTINGS as FOR_CLIENTS
from benchmarks.idleclients import IdleCosts, Lag, idle_clients
from benchmarks.manykernels import Bounds, Costs, Crowd, TooFar, percentile
from benchmarks.peers.sagecell import SagecellTx

SETTINGS = """\
kernel_python = "{python}"
[limits.admission]
kernels = {kernels}
starts = {{ burst = 0, per_minute = 0 }}
"""

#: Numbers of kernels at which is measured.
COUNTS = (100, 500, 1000)

#: Idle clients of a few kernels.
CLIENTS = 1000

#: The bytes of memory that stay available, and the seconds after which nothing new is begun.
RESERVE = 3 << 30
LONGEST = 300.0

#: Aimed at: bytes of the web process for an idle client, seconds of its lag.
_MOST_FOR_CLIENT = 50_000
_MOST_LAG = 0.020

_ROWS: Sequence[tuple[str, Callable[[Costs], float], str]] = (
    ("starts a second", lambda costs: costs.growth.rate, ".1f"),
    ("processor a start: kernel, ms", lambda costs: 1e3 * costs.growth.processor["kernels"], ".1f"),
    (
        "the same: fork servers, ms",
        lambda costs: 1e3 * costs.growth.processor["fork servers"],
        ".1f",
    ),
    ("the same: web process, ms", lambda costs: 1e3 * costs.growth.processor["web"], ".1f"),
    ("a second cell, p50, ms", lambda costs: 1e3 * percentile(costs.first_trips, 50), ".1f"),
    ("the same, p99, ms", lambda costs: 1e3 * percentile(costs.first_trips, 99), ".1f"),
    ("a later evaluation, p50, ms", lambda costs: 1e3 * percentile(costs.trips, 50), ".1f"),
    ("the same, p99, ms", lambda costs: 1e3 * percentile(costs.trips, 99), ".1f"),
    ("memory a kernel, PSS, MB", lambda costs: costs.memory.proportional / 1e6, ".2f"),
    ("the same, shared with none, MB", lambda costs: costs.memory.own / 1e6, ".2f"),
    (
        "of the machine, all used memory, MB",
        lambda costs: -costs.machine["MemAvailable"] / 1e6,
        ".2f",
    ),
    ("of it, page tables, MB", lambda costs: costs.machine["PageTables"] / 1e6, ".3f"),
    ("of it, kernel memory of Linux, MB", lambda costs: costs.linux / 1e6, ".3f"),
    ("of it, the web process, kB", lambda costs: costs.web / 1e3, ".0f"),
    ("descriptors of the web process", lambda costs: costs.descriptors, ".1f"),
    ("threads", lambda costs: costs.threads, ".1f"),
    ("idle: web process, % of a processor", lambda costs: 100 * costs.idle["web"], ".2f"),
    ("idle: fork servers and monitors, %", lambda costs: 100 * costs.idle["fork servers"], ".2f"),
    ("idle: all kernels together, %", lambda costs: 100 * costs.idle["kernels"], ".2f"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(*machine.describe(), sep="\n", end="\n\n")
    bounds = Bounds(reserve=RESERVE, end=time.monotonic() + options.seconds)
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        try:
            if options.kernels:
                _measure_kernels(Path(name) / "kernels", options, bounds)
            if options.clients:
                with _serving(Path(name) / "clients", FOR_CLIENTS) as server:
                    _print_clients(idle_clients(server, options.clients, bounds))
        except TooFar as error:
            print(f"stopped: {error}")
    return 0


def _measure_kernels(directory: Path, options: argparse.Namespace, bounds: Bounds) -> None:
    counts = [each for each in COUNTS if each < options.kernels] + [options.kernels]
    found: list[Costs] = []
    settings = SETTINGS.format(kernels=options.kernels, python=options.kernel_python)
    with _serving(directory, settings) as server, closing(Attendant()) as attendant:
        crowd = Crowd(server, attendant, bounds, random.Random(options.seed))
        try:
            for count in counts:
                found.append(crowd.measure(crowd.grow(count)))
                print(f"{count} kernels measured, load {os.getloadavg()[0]:.1f}", flush=True)
        finally:
            _print_kernels(found)
            begun = time.monotonic()
            server.stop()
            print(f"\nthe server with all of them ended in {time.monotonic() - begun:.1f} s\n")


@contextmanager
def _serving(directory: Path, settings: str) -> Iterator[SagecellTx]:
    server = SagecellTx(directory, settings=settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _print_kernels(found: Sequence[Costs]) -> None:
    print(f"\n{'kernels, connected':<40}" + "".join(f"{costs.kernels:>10}" for costs in found))
    for title, value, form in _ROWS:
        print(f"{title:<40}" + "".join(f"{format(value(costs), form):>10}" for costs in found))


def _print_clients(costs: IdleCosts) -> None:
    print(f"{costs.clients} idle clients of a few kernels")
    _print_aim("memory of the web process for each, kB", costs.memory / 1e3, _MOST_FOR_CLIENT / 1e3)
    print(f"{'processor time of the web process, %':<40}{100 * costs.processor:>10.2f}")
    _print_lag("at rest", costs.at_rest)
    _print_lag("20 sessions compute", costs.computing)
    print(f"{'the web process meanwhile, %':<40}{100 * costs.web:>10.1f}")
    print(f"{'the programs, %':<40}{100 * costs.programs:>10.1f}")


def _print_lag(when: str, lag: Lag) -> None:
    for name, values in (("a ping's answer", lag.pings), ("an idle process's echo", lag.echoes)):
        title = f"{when}: {name}, p50, p99, ms"
        print(
            f"{title:<50}{1e3 * percentile(values, 50):>8.2f}{1e3 * percentile(values, 99):>8.2f}"
        )


def _print_aim(title: str, value: float, aim: float) -> None:
    print(f"{title:<40}{value:>10.1f}   aimed at: at most {aim:g}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--kernels", type=int, default=COUNTS[-1], help="how many kernels; 0: none [1000]"
    )
    parser.add_argument(
        "--clients", type=int, default=CLIENTS, help="how many idle clients; 0: none [1000]"
    )
    parser.add_argument("--kernel-python", default="", help="another Python for the kernels")
    parser.add_argument(
        "--seconds", type=float, default=LONGEST, help="after these, begin nothing more [300]"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of what is chosen at random [1]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
