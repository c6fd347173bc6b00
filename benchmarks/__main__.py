"""``python -m benchmarks``: compares the program with its peers in one run; prints a table.

Peers take turns, so that a slowdown of the machine affects all of them. It is a measurement,
not a test: the exit status is always 0. ``--against REV`` compares with another revision instead, which is
installed first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import attrs

from benchmarks import revisions
from benchmarks.comparison import Comparison
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.measures import MEASURES
from benchmarks.peers import BEFORE, FORKED, JUPYTER, PLAIN, SAGECELL, STOCK, Peer
from benchmarks.peers.forked import ForkedPlainClient
from benchmarks.peers.jupyter import JupyterServer
from benchmarks.peers.plain import PlainClient
from benchmarks.peers.sagecell import SagecellTx
from benchmarks.peers.stock import StockKernels
from benchmarks.table import AGAINST_BEFORE, AIMS, BARS, Medians

_ABOUT_THE_PEERS = f"""\
{SAGECELL:<12} twistd sagecell-tx, used over HTTP and WebSocket
{JUPYTER:<12} Jupyter Server with stock ipykernels, used by the same client
{PLAIN:<12} jupyter_client's own client on ZMQ, a stock ipykernel for each start
{FORKED:<12} that client on kernels forked as {SAGECELL} forks them: the minimum for any server
{STOCK:<12} twistd sagecell-tx with stock ipykernels instead of its own

Forked kernels have numpy, matplotlib and pandas loaded, stock ones do not. The WebSocket client
sets TCP_NODELAY; "ACKs at once" is for a server that leaves Nagle's algorithm on."""


_COMPARISON = Comparison(
    about=_ABOUT_THE_PEERS,
    measures=MEASURES,
    budget=150,
    targets={"Promised:": (SAGECELL, BARS), "Aimed at:": (SAGECELL, AIMS)},
)


_ABOUT_REVISIONS = f"""\
{SAGECELL:<12} twistd sagecell-tx, of this tree
{BEFORE:<12} the same of the other revision
{FORKED:<12} jupyter_client's own client on kernels forked as {SAGECELL} forks them"""

#: What is compared with another revision, in five turns each.
_COMPARED = (
    "first-result",
    "first-forked",
    "round-trip",
    "displays",
    "memory",
    "beside",
    "at-once",
    "many-at-once",
    "idle",
)


def _against_revision() -> Comparison:
    peers = {"round-trip": (SAGECELL, BEFORE, FORKED)}
    return Comparison(
        about=_ABOUT_REVISIONS,
        measures=[
            attrs.evolve(each, turns=5, peers=peers.get(each.name, (SAGECELL, BEFORE)))
            for each in MEASURES
            if each.name in _COMPARED
        ],
        budget=1500,
        targets={"Beside the other revision:": (SAGECELL, AGAINST_BEFORE)},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = _COMPARISON.parser("benchmarks", __doc__)
    names = [SAGECELL, JUPYTER, PLAIN, FORKED, STOCK]
    parser.add_argument(
        "--peer", action="append", choices=names, help="compare with this only; may be repeated"
    )
    parser.add_argument("--sessions", type=int, help="how many sessions at once [50]")
    parser.add_argument(
        "--pictures", metavar="DIRECTORY", type=Path, help="draw the figures as SVG files there"
    )
    parser.add_argument(
        "--against", metavar="REV", help="compare with this revision of git instead"
    )
    options = parser.parse_args(arguments)
    effort = QUICK if options.quick else FULL
    if options.sessions:
        effort = attrs.evolve(effort, sessions=options.sessions)
    if options.against:
        candidates = partial(_revisions, options.against)
        _against_revision().run(options, effort, candidates)
    else:
        comparison = _COMPARISON
        if options.pictures is not None:
            comparison = attrs.evolve(comparison, draw=partial(_draw, options.pictures))
        comparison.run(options, effort, lambda directory: _peers(directory, options.peer))
    return 0


def _draw(directory: Path, values: Medians, effort: Effort) -> None:
    from benchmarks.pictures import draw  # it loads matplotlib

    print("Drawn:", *draw(values, effort, directory), sep="\n  ", end="\n\n")


def _revisions(revision: str, directory: Path) -> list[Peer]:
    twistd = revisions.install(revision, directory / "revision")
    return [
        SagecellTx(directory / "sagecell"),
        SagecellTx(directory / "before", twistd=[str(twistd)], name=BEFORE),
        ForkedPlainClient(directory / "forked"),
    ]


def _peers(directory: Path, names: Sequence[str] | None) -> list[Peer]:
    candidates: tuple[Peer, ...] = (
        SagecellTx(directory / "sagecell"),
        JupyterServer(directory / "jupyter"),
        PlainClient(directory / "plain"),
        ForkedPlainClient(directory / "forked"),
        StockKernels(directory / "stock"),
    )
    return [peer for peer in candidates if peer.name in (names or [peer.name])]


if __name__ == "__main__":
    sys.exit(main())
