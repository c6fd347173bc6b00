"""Starts peers and measures them in turns, so that a slowdown of the machine affects all of them."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import define, field

from benchmarks import measures
from benchmarks.effort import QUICK, Effort
from benchmarks.measures import Measure
from benchmarks.peers import Peer

#: Figures by row and peer.
Figures = dict[str, dict[str, list[float]]]


@define(kw_only=True)
class Turns:
    """The turns of one run. `turns`, if it is given, takes the place of each measure's own."""

    effort: Effort
    budget: float
    """After this many seconds, each measure gives each peer only one turn."""
    turns: int | None = None
    failures: list[str] = field(factory=list, init=False)
    """Peers that did not start and turns that failed, as sentences."""
    _begun: float = field(factory=time.monotonic, init=False)

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return time.monotonic() - self._begun

    @contextmanager
    def started(self, candidates: Callable[[Path], Sequence[Peer]]) -> Iterator[list[Peer]]:
        """The peers, started and warm, below a new directory; stopped at the end.

        One that does not start is left out.
        """
        with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stopped:
            directory = Path(name)
            _isolate(directory)
            peers: list[Peer] = []
            for peer in candidates(directory):
                try:
                    peer.start()
                    stopped.callback(peer.stop)
                    measures.first_result(peer, QUICK)
                except Exception as error:
                    self._failed(error, peer.name)
                else:
                    peers.append(peer)
            _say(f"{len(peers)} peers are up after {self.seconds:.0f} s")
            yield peers

    def take(self, peers: Sequence[Peer], chosen: Sequence[Measure]) -> Figures:
        """Measure all peers, each measure in turns."""
        figures: Figures = defaultdict(lambda: defaultdict(list))
        for measure in chosen:
            for turn in range(self.turns or measure.turns):
                if turn and self.seconds > self.budget:
                    self.failures.append(
                        f"{measure.name}: {turn} of {measure.turns} turns, for lack of time"
                    )
                    break
                for peer in peers:
                    if peer.name not in measure.peers:
                        continue
                    try:
                        taken = measure.take(peer, self.effort)
                    except Exception as error:
                        self._failed(error, f"{measure.name}, {peer.name}")
                        continue
                    for key, values in taken.items():
                        figures[key][peer.name].extend(values)
            _say(f"{measure.name}: done after {self.seconds:.0f} s")
        return figures

    def _failed(self, error: Exception, where: str) -> None:
        self.failures.append(f"{where}: {type(error).__name__}: {error}")


def _isolate(directory: Path) -> None:
    """Keep Jupyter, IPython and Sage from the settings, history and caches of the user."""
    for variable in (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "IPYTHONDIR",
        "DOT_SAGE",
    ):
        os.environ[variable] = str(directory / variable.lower())


def _say(progress: str) -> None:
    print(progress, file=sys.stderr)
