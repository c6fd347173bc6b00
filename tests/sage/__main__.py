"""``python -m tests.sage``: the corpus against a live server, with every difference.

Without ``--url``, it starts a server whose kernels have Sage. Each cell is run alone in a kernel,
among all others in one kernel, and by ``/service``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from fnmatch import fnmatch
from pathlib import Path

import websocket
from attrs import frozen

from tests.sage.cells import Cell, chain, load
from tests.sage.comparing import Difference, compare, is_installed
from tests.sage.outcomes import Outcome
from tests.sage.plainclient import PlainSage
from tests.sage.printing import say
from tests.sage.servers import sage_server
from tests.sage.ways import Alone, Linked, Plain, Service, Unable, Way
from tests.sagevenv import PYTHON

#: Cells at a time, unless they share a kernel.
AT_A_TIME = 2


@frozen(kw_only=True)
class Run:
    """A cell that was run, and what was different; or why it was not run."""

    cell: Cell
    differences: Sequence[Difference] = ()
    reason: str = ""


def run(way: Way, cell: Cell) -> Run:
    """Run a cell and compare."""
    try:
        outcomes = way.run(cell)
    except Unable as error:
        return Run(cell=cell, reason=str(error))
    except (AssertionError, OSError, websocket.WebSocketException) as error:
        # No kernel, or no answer: the other cells run all the same.
        outcomes = [Outcome(ended=f"{type(error).__name__}: {error}")]
    if not is_installed(cell, outcomes[0]):
        return Run(cell=cell, reason=f"{cell.program} is not installed")
    return Run(cell=cell, differences=tuple(compare(cell, outcomes)))


def run_all(name: str, way: Way, cells: Sequence[Cell], at_a_time: int = 1) -> bool:
    """Run cells one way, and print all differences; returns whether there are none."""
    begin = time.monotonic()
    with ThreadPoolExecutor(at_a_time) as threads:
        runs = list(threads.map(lambda cell: run(way, cell), cells))
    for each in runs:
        if each.differences:
            say(f"{each.cell.name} ({name})", *map(str, each.differences), "")
    left_out = Counter(each.reason for each in runs if each.reason)
    failed = sum(bool(each.differences) for each in runs)
    ran = len(runs) - left_out.total()
    say(f"{name}: {ran - failed} of {ran} cells passed in {time.monotonic() - begin:.0f} s")
    for reason, count in left_out.items():
        say(f"  {count} not run: {reason}")
    return not failed


def chosen(cells: Mapping[str, Cell], patterns: Sequence[str]) -> list[Cell]:
    """The cells whose names match one of the patterns, and those that they follow.

    All, if there are no patterns.
    """
    named = [cell for cell in cells.values() if any(fnmatch(cell.name, each) for each in patterns)]
    needed = {each.name for cell in named for each in (*chain(cell, cells), cell)}
    return [cell for cell in cells.values() if cell.name in needed or not patterns]


def ways(url: str, cells: Mapping[str, Cell], stack: ExitStack) -> Iterator[tuple[str, Way, int]]:
    """The ways to run cells on a server: the name of each, and how many cells at a time."""
    yield "alone", Alone(url, cells), AT_A_TIME
    yield "linked", stack.enter_context(closing(Linked(url))), 1
    yield "service", Service(url), AT_A_TIME


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.sage", description=__doc__)
    parser.add_argument("--python", type=Path, default=PYTHON, help="one that has Sage")
    parser.add_argument("--url", default="", help="of a server that runs")
    parser.add_argument("--plain", action="store_true", help="run the cells in plain Sage")
    parser.add_argument("--way", choices=["alone", "linked", "service"], action="append")
    parser.add_argument("cells", nargs="*", help="patterns of their names, such as 'calculus/*'")
    options = parser.parse_args()
    cells = load()
    selected = chosen(cells, options.cells)
    with ExitStack() as stack:
        if options.plain:
            sage = stack.enter_context(PlainSage(str(options.python)))
            return not run_all("plain", Plain(sage, cells), selected)
        url = options.url or stack.enter_context(sage_server(options.python)).url
        passed = [
            run_all(name, way, selected, at_a_time)
            for name, way, at_a_time in ways(url, cells, stack)
            if not options.way or name in options.way
        ]
    return not all(passed)


if __name__ == "__main__":
    sys.exit(main())
