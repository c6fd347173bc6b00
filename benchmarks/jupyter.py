"""``python -m benchmarks.jupyter``: Jupyter's clients at this server and at Jupyter Server.

Five peers take turns: this server and Jupyter Server, each with messages as JSON and in binary
frames, and a client on a stock kernel's own sockets. It is a measurement, not a test: the exit
status is always 0.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks import processes
from benchmarks.client import Talk, ask
from benchmarks.comparison import Comparison
from benchmarks.effort import FULL, QUICK, Effort, Figures
from benchmarks.measures import Measure, large_output, round_trip
from benchmarks.peers import JUPYTER, JUPYTER_V1, PLAIN, SAGECELL, SAGECELL_V1, Peer
from benchmarks.peers.jupyter import JupyterServer
from benchmarks.peers.jupyterclients import JupyterServerBinary, SagecellApi, SagecellApiBinary
from benchmarks.peers.plain import PlainClient
from benchmarks.table import MICRO, MILLI, Bar, Row

_ABOUT_THE_PEERS = f"""\
{SAGECELL:<12} twistd sagecell-tx, by /api/kernels, with messages as JSON
{SAGECELL_V1:<12} the same with binary frames (v1.kernel.websocket.jupyter.org)
{JUPYTER:<12} Jupyter Server with stock ipykernels, with messages as JSON
{JUPYTER_V1:<12} the same with binary frames
{PLAIN:<12} jupyter_client's own client on ZMQ, a stock ipykernel for each start

Jupyter Server runs without its limit of messages a second, which by default drops some of a burst."""

_ALL = (SAGECELL, SAGECELL_V1, JUPYTER, JUPYTER_V1, PLAIN)


def displays(peer: Peer, effort: Effort) -> Figures:
    """A cell that displays without pause: messages a second, server CPU for each, and lost ones."""
    with closing(peer.open()) as talk:
        _shown(talk, 200)
        web = getattr(peer, "web_pid", None)
        before = processes.cpu_seconds(web) if web else 0.0
        begun = time.perf_counter()
        came = _shown(talk, effort.displays)
        taken = time.perf_counter() - begun
        figures = {"displays": [came / taken], "lost": [float(effort.displays - came)]}
        if web:
            figures["cpu"] = [(processes.cpu_seconds(web) - before) / effort.displays]
        return figures


def _shown(talk: Talk, count: int) -> int:
    """Run a cell that displays `count` numbers; returns how many of them arrive."""
    cell = f"from IPython.display import display\nfor i in range({count}): display(i)"
    return sum(message["header"]["msg_type"] == "display_data" for message in ask(talk, cell))


MEASURES = (
    Measure(name="round-trip", take=round_trip, turns=5, peers=_ALL),
    Measure(name="displays", take=displays, turns=5, peers=_ALL),
    Measure(name="large-output", take=large_output, turns=5, peers=_ALL),
)

ROWS = (
    Row("trip", "warm round trip, p50", "ms", MILLI),
    Row("trip-cpu", "server CPU for a round trip", "us", MICRO),
    Row("displays", "display messages", "per s"),
    Row("cpu", "server CPU for an iopub message", "us", MICRO),
    Row("lost", "of {displays:,} displays, lost", "", over=max),
    Row("print", "10 MB output, one print", "s"),
    Row("lines", "10 MB output, 100,000 lines", "s"),
)

#: What is let pass: medians of five turns differ by some percent.
_LET_PASS = 1.05


def _bars(theirs: str) -> Sequence[Bar]:
    return (
        Bar(row="trip", limit=_LET_PASS, against=PLAIN),
        Bar(row="displays", limit=1.3 / _LET_PASS, against=theirs, higher=True),
        Bar(row="displays", limit=1 / _LET_PASS, against=PLAIN, higher=True),
        Bar(row="cpu", limit=_LET_PASS / 3, against=theirs),
        Bar(row="lost", limit=0),
    )


#: A tenth more time for 10 MB is 0.9 times the megabytes a second.
_LARGE = tuple(Bar(row=row, limit=_LET_PASS / 0.9, against=PLAIN) for row in ("print", "lines"))

_COMPARISON = Comparison(
    about=_ABOUT_THE_PEERS,
    measures=MEASURES,
    rows=ROWS,
    budget=300,
    targets={
        "Promised, JSON:": (SAGECELL, _bars(JUPYTER)),
        "Promised, binary frames:": (SAGECELL_V1, (*_bars(JUPYTER_V1), *_LARGE)),
    },
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = _COMPARISON.parser("benchmarks.jupyter", __doc__).parse_args(arguments)
    _COMPARISON.run(options, QUICK if options.quick else FULL, _peers)
    return 0


def _peers(directory: Path) -> list[Peer]:
    return [
        SagecellApi(directory / "sagecell"),
        SagecellApiBinary(directory / "sagecell-v1"),
        JupyterServer(directory / "jupyter"),
        JupyterServerBinary(directory / "jupyter-v1"),
        PlainClient(directory / "plain"),
    ]


if __name__ == "__main__":
    sys.exit(main())
