"""One run of some measures with some peers, from the command line to the printed table."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from benchmarks import machine
from benchmarks.effort import Effort
from benchmarks.measures import Measure
from benchmarks.peers import SAGECELL, Peer
from benchmarks.table import ROWS, Bar, Medians, Row, judgements, medians, table
from benchmarks.turns import Turns


@frozen(kw_only=True)
class Comparison:
    """What is measured, and what the peers of ours must reach.

    `about` tells what the peers are. After `budget` seconds, each measure gives each peer only one
    turn. The table compares the peer `ours` with the others. `targets` has, by title, a peer of ours
    and what it must reach. `draw` is called with the figures in the end.
    """

    about: str
    measures: Sequence[Measure]
    budget: float
    targets: Mapping[str, tuple[str, Sequence[Bar]]]
    rows: Sequence[Row] = ROWS
    ours: str = SAGECELL
    draw: Callable[[Medians, Effort], object] | None = None

    def parser(self, program: str, description: str | None) -> argparse.ArgumentParser:
        """The options that all comparisons have."""
        parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
        parser.add_argument("--quick", action="store_true", help="one turn each, with less work")
        parser.add_argument(
            "--only",
            action="append",
            choices=[each.name for each in self.measures],
            help="measure this only; may be repeated",
        )
        return parser

    def run(
        self,
        options: argparse.Namespace,
        effort: Effort,
        candidates: Callable[[Path], Sequence[Peer]],
    ) -> None:
        """Measure and print. SIGTERM stops the servers as well."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        print("\n".join(machine.describe()), end="\n\n")
        print(self.about, end="\n\n")
        chosen = [each for each in self.measures if each.name in (options.only or each.name)]
        turns = Turns(effort=effort, budget=self.budget, turns=1 if options.quick else None)
        with turns.started(candidates) as peers:
            figures = turns.take(peers, chosen)
        values = medians(figures, self.rows)
        names = [peer.name for peer in peers]
        lines = table(values, names, effort, rows=self.rows, ours=self.ours)
        print("\n".join(lines), end="\n\n")
        for title, (ours, bars) in self.targets.items():
            judged = judgements(values, bars, effort, rows=self.rows, ours=ours)
            print(title, *judged, sep="\n  ", end="\n\n")
        if turns.failures:
            print("Failures:", *turns.failures, sep="\n  ", end="\n\n")
        if self.draw is not None:
            self.draw(values, effort)
        print(f"{turns.seconds:.0f} s")
