"""``python -m benchmarks``: compares the program with its peers in one run; prints a table.

Peers take turns, so that a slowdown of the machine affects all of them. It is a measurement,
not a test: the exit status is always 0.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from benchmarks import machine, measures
from benchmarks.measures import FULL, MEASURES, QUICK, Effort, Measure
from benchmarks.peers import FORKED, JUPYTER, PLAIN, SAGECELL, STOCK, Peer
from benchmarks.peers.forked import ForkedPlainClient
from benchmarks.peers.jupyter import JupyterServer
from benchmarks.peers.plain import PlainClient
from benchmarks.peers.sagecell import SagecellTx
from benchmarks.peers.stock import StockKernels
from benchmarks.table import AIMS, BARS, judgements, medians, table

#: After this many seconds, each measure gives each peer only one turn.
BUDGET = 150.0

_ABOUT_THE_PEERS = f"""\
{SAGECELL:<12} twistd sagecell-tx, used over HTTP and WebSocket
{JUPYTER:<12} Jupyter Server with stock ipykernels, used by the same client
{PLAIN:<12} jupyter_client's own client on ZMQ, a stock ipykernel for each start
{FORKED:<12} that client on kernels forked as {SAGECELL} forks them: the minimum for any server
{STOCK:<12} twistd sagecell-tx with stock ipykernels instead of its own

Forked kernels have numpy, matplotlib and pandas loaded, stock ones do not. The WebSocket client
sets TCP_NODELAY; "ACKs at once" is for a server that leaves Nagle's algorithm on."""

Figures = dict[str, dict[str, list[float]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = _options(arguments)
    # SIGTERM stops the servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    effort = QUICK if options.quick else FULL
    if options.sessions:
        effort = attrs.evolve(effort, sessions=options.sessions)
    print("\n".join(machine.describe()), end="\n\n")
    print(_ABOUT_THE_PEERS, end="\n\n")
    begun = time.monotonic()
    chosen = [each for each in MEASURES if each.name in (options.only or each.name)]
    troubles: list[str] = []
    with _peers(options.peer, troubles) as peers:
        _say(f"{len(peers)} peers are up after {time.monotonic() - begun:.0f} s")
        turns = 1 if options.quick else None
        figures = _measure(peers, chosen, effort, turns=turns, begun=begun, troubles=troubles)
    values = medians(figures)
    print("\n".join(table(values, [peer.name for peer in peers], effort)), end="\n\n")
    for title, bars in (("Promised:", BARS), ("Aimed at:", AIMS)):
        print(title, *judgements(values, bars, effort), sep="\n  ", end="\n\n")
    if troubles:
        print("Failures:", *troubles, sep="\n  ", end="\n\n")
    print(f"{time.monotonic() - begun:.0f} s")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn each, with less work")
    parser.add_argument(
        "--only", action="append", choices=[each.name for each in MEASURES], help="repeatable"
    )
    parser.add_argument(
        "--peer",
        action="append",
        choices=[SAGECELL, JUPYTER, PLAIN, FORKED, STOCK],
        help="repeatable",
    )
    parser.add_argument("--sessions", type=int, help="how many sessions at once [50]")
    return parser.parse_args(arguments)


@contextmanager
def _peers(names: Sequence[str] | None, troubles: list[str]) -> Iterator[list[Peer]]:
    """The peers, started and warm; stopped at the end. One that does not start is left out."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as started:
        directory = Path(name)
        _isolate(directory)
        peers: list[Peer] = []
        candidates: tuple[Peer, ...] = (
            SagecellTx(directory / "sagecell"),
            JupyterServer(directory / "jupyter"),
            PlainClient(directory / "plain"),
            ForkedPlainClient(directory / "forked"),
            StockKernels(directory / "stock"),
        )
        for peer in candidates:
            if peer.name not in (names or [peer.name]):
                continue
            try:
                peer.start()
                started.callback(peer.stop)
                measures.first_result(peer, QUICK)
            except Exception as error:
                troubles.append(_words(error, peer.name))
            else:
                peers.append(peer)
        yield peers


def _isolate(directory: Path) -> None:
    """Keep Jupyter and IPython from the settings, history and caches of the user."""
    for variable in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        os.environ[variable] = str(directory / variable.lower())


def _measure(
    peers: Sequence[Peer],
    chosen: Sequence[Measure],
    effort: Effort,
    *,
    turns: int | None,
    begun: float,
    troubles: list[str],
) -> Figures:
    """All figures by row and peer. Failures are added to `troubles` as sentences."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for measure in chosen:
        for turn in range(turns or measure.turns):
            if turn and time.monotonic() - begun > BUDGET:
                troubles.append(
                    f"{measure.name}: {turn} of {measure.turns} turns, for lack of time"
                )
                break
            for peer in peers:
                if peer.name not in measure.peers:
                    continue
                try:
                    taken = measure.take(peer, effort)
                except Exception as error:
                    troubles.append(_words(error, f"{measure.name}, {peer.name}"))
                    continue
                for key, values in taken.items():
                    figures[key][peer.name].extend(values)
        _say(f"{measure.name}: done after {time.monotonic() - begun:.0f} s")
    return figures


def _words(error: Exception, where: str) -> str:
    return f"{where}: {type(error).__name__}: {error}"


def _say(progress: str) -> None:
    print(progress, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
