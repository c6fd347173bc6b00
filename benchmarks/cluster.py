"""``python -m benchmarks.cluster``: kernels on another machine beside kernels on the server's own.

Two servers take turns: one with its own fork server, and one that has its kernels from an agent. The agent is in
a network namespace if one can be made here, and on loopback otherwise. It is a measurement, not a test: the exit status is
always 0.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import attrs

from benchmarks import processes
from benchmarks.client import add
from benchmarks.comparison import Comparison
from benchmarks.effort import FULL, QUICK, Effort, Figures
from benchmarks.measures import (
    Measure,
    displays,
    first_result,
    first_result_forked,
    large_output,
    round_trip,
)
from benchmarks.peers import LOCAL, REMOTE, Peer, has_web_server, keeps_kernels_ready
from benchmarks.peers.cluster import SagecellCluster
from benchmarks.peers.sagecell import SagecellTx
from benchmarks.table import MICRO, MILLI, Bar, Row
from tests.integration.netspaces import NetSpace, why_not

_ABOUT_THE_PEERS = f"""\
{REMOTE:<12} twistd sagecell-tx that has its kernels from one agent over TLS, {{place}}
{LOCAL:<12} twistd sagecell-tx that forks its kernels itself"""

#: The network of the namespace, which the tests do not use.
_NETWORK = "198.19.255"

#: More displays than in other comparisons, for a second of them, and enough kernels to see what one takes.
_FULL = attrs.evolve(FULL, displays=15_000, kernels=50)

#: Of `large_output`.
_MEGABYTES = 10

#: Seconds until a server has come to rest.
_REST = 3.0


def text(peer: Peer, effort: Effort) -> Figures:
    """Megabytes of standard output a second, printed at once, and in lines of a hundred characters."""
    taken = large_output(peer, effort)
    return {
        f"text-{way}": [_MEGABYTES / seconds for seconds in taken[way]]
        for way in ("print", "lines")
    }


def web_memory(peer: Peer, effort: Effort) -> Figures:
    """Memory of the web process alone, for each of some kernels that have run a cell and have a client.

    Of a new server that keeps no kernels ready, so that nothing else comes and goes.
    """
    assert keeps_kernels_ready(peer)
    with peer.without_ready_kernels() as fresh, ExitStack() as opened:
        assert has_web_server(fresh)
        add(opened.enter_context(closing(fresh.open())))  # what the first one loads is not of each
        time.sleep(_REST)
        before = processes.memory([fresh.web_pid]).own
        for _ in range(effort.kernels):
            add(opened.enter_context(closing(fresh.open())))
        time.sleep(_REST)
        grown = processes.memory([fresh.web_pid]).own - before
        return {"web": [grown / effort.kernels]}


_ALL = (REMOTE, LOCAL)

MEASURES = (
    Measure(name="round-trip", take=round_trip, turns=5, peers=_ALL),
    Measure(name="first-forked", take=first_result_forked, turns=3, peers=_ALL),
    Measure(name="first-result", take=first_result, turns=5, peers=_ALL),
    Measure(name="displays", take=displays, turns=5, peers=_ALL),
    Measure(name="text", take=text, turns=5, peers=_ALL),
    Measure(name="memory", take=web_memory, turns=2, peers=_ALL),
)

ROWS = (
    Row("trip", "1+1 on a warm kernel, p50", "ms", MILLI),
    Row("trip-cpu", "web process, CPU for that", "us", MICRO),
    Row("first", "time to first result, kernels ready, p50", "ms", MILLI),
    Row("first-forked", "time to first result, none ready, p50", "ms", MILLI),
    Row("displays", "display messages", "per s"),
    Row("cpu", "web process, CPU for each of those", "us", MICRO),
    Row("text-print", "text, 10 MB in one print", "MB/s"),
    Row("text-lines", "text, 10 MB in lines of 100 characters", "MB/s"),
    Row("web", "web process, memory for each of {kernels} kernels", "kB", 1e-3),
)

BARS = (
    Bar(row="trip", limit=1.6, against=LOCAL),
    Bar(row="first", limit=1.6, against=LOCAL),
    Bar(row="first-forked", limit=1.6, against=LOCAL),
    Bar(row="displays", limit=0.8, against=LOCAL, higher=True),
    Bar(row="text-print", limit=0.5, against=LOCAL, higher=True),
    Bar(row="text-lines", limit=0.5, against=LOCAL, higher=True),
    Bar(row="web", limit=200, against=LOCAL, more=True),
)


def _comparison(place: str) -> Comparison:
    return Comparison(
        about=_ABOUT_THE_PEERS.format(place=place),
        measures=MEASURES,
        rows=ROWS,
        budget=150,
        ours=REMOTE,
        targets={"Promised:": (REMOTE, BARS)},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = _comparison("").parser("benchmarks.cluster", __doc__)
    parser.add_argument("--loopback", action="store_true", help="make no network namespace")
    options = parser.parse_args(arguments)
    effort = attrs.evolve(QUICK, kernels=10) if options.quick else _FULL
    reason = "as --loopback asks for" if options.loopback else why_not(_NETWORK)
    place, host, enter = f"on loopback: {reason}", "127.0.0.1", list[str]()
    with ExitStack() as stack:
        if not reason:
            space = stack.enter_context(NetSpace(_NETWORK))
            place, host, enter = "in a network namespace", space.address, space.enter_network
        _comparison(place).run(options, effort, lambda directory: _peers(directory, host, enter))
    return 0


def _peers(directory: Path, host: str, enter: Sequence[str]) -> list[Peer]:
    return [
        SagecellCluster(directory / "remote", host=host, enter=enter),
        SagecellTx(directory / "local", name=LOCAL),
    ]


if __name__ == "__main__":
    sys.exit(main())
