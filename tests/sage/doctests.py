"""``python -m tests.sage.doctests``: Sage's own doctests through our kernels, and in plain Sage.

Each docstring runs in a kernel of its own, and in a fork of plain Sage; one that was not done in
time runs again alone. The blocks come from the installed wheels. What is printed: which share of the blocks gives what the docstring says in each,
and by module the blocks that are right in plain Sage only, each with the reason that `tests.sage.explained` has for it.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from tests.integration.script import Client
from tests.sage.explained import Explained
from tests.sage.plainclient import PlainSage
from tests.sage.printing import say
from tests.sage.servers import sage_server
from tests.sage.transcripts import Came, transcribed
from tests.sage.ways import answered
from tests.sagevenv import PYTHON

#: Thirty public modules.
MODULES = (
    "sage.arith.misc",
    "sage.calculus.calculus",
    "sage.calculus.desolvers",
    "sage.calculus.functional",
    "sage.combinat.composition",
    "sage.combinat.dyck_word",
    "sage.combinat.partition",
    "sage.combinat.permutation",
    "sage.combinat.subset",
    "sage.combinat.tableau",
    "sage.functions.trig",
    "sage.graphs.digraph",
    "sage.graphs.generators.basic",
    "sage.graphs.graph",
    "sage.graphs.graph_plot",
    "sage.groups.perm_gps.permgroup_named",
    "sage.matrix.constructor",
    "sage.matrix.matrix_integer_dense",
    "sage.matrix.special",
    "sage.modules.free_module_element",
    "sage.plot.contour_plot",
    "sage.plot.graphics",
    "sage.plot.plot",
    "sage.plot.plot3d.shapes",
    "sage.rings.continued_fraction",
    "sage.rings.finite_rings.integer_mod",
    "sage.rings.integer",
    "sage.rings.power_series_ring",
    "sage.schemes.elliptic_curves.ell_point",
    "sage.schemes.elliptic_curves.ell_rational_field",
)

#: How long a docstring may take, in seconds, unless the command says otherwise.
PATIENCE = 60.0

#: Docstrings at a time.
AT_A_TIME = 2

#: Before each docstring, as Sage's own runner has it: there, each value is shown, as in a terminal.
_BEFORE = "get_ipython().ast_node_interactivity = 'all'; set_random_seed(0)"

#: How many lines of a text are printed.
_LINES = 12


@frozen
class Docstring:
    """A docstring: its blocks in order."""

    name: str
    blocks: Sequence[Mapping[str, Any]]

    @property
    def cells(self) -> list[str]:
        """What is run."""
        return [_BEFORE, *(block["code"] for block in self.blocks)]


def in_a_kernel(url: str, docstring: Docstring, seconds: float) -> list[Came]:
    """Run a docstring's blocks in a new kernel, until time is up or the kernel ends."""
    deadline = time.monotonic() + seconds
    came = []
    with Client(url, timeout="inf") as client:
        for code in docstring.cells:
            content = {"code": code, "allow_stdin": False}
            messages = list(answered(client, "execute_request", content))
            if messages[-1]["content"].get("execution_state") != "idle":
                break
            came.append(transcribed(messages))
            if time.monotonic() > deadline:
                break
    return came[1:]


def in_plain_sage(sage: PlainSage, docstring: Docstring, seconds: float) -> list[Came]:
    """Run a docstring's blocks in a fork of plain Sage, until time is up or it ends."""
    return [transcribed(each) for each in sage.run(docstring.cells, seconds=seconds)][1:]


def run_again(
    docstrings: Iterable[Docstring],
    came: Mapping[str, list[Came]],
    run: Callable[[Docstring], list[Came]],
) -> dict[str, list[Came]]:
    """What came, after the docstrings of which blocks are missing were run once more, one by one.

    Of several at a time on a busy machine, one may be late that is quick alone.
    """
    completed = dict(came)
    for each in docstrings:
        first = came[each.name]
        if len(first) < len(each.blocks):
            completed[each.name] = max(first, run(each), key=len)
    return completed


@frozen
class Lost:
    """A block that is right in plain Sage only: what it says, what came, and the name of the reason."""

    described: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.described}\n    why       {self.why or 'UNEXPLAINED'}"


@define
class Tally:
    """How many blocks are right, here and in plain Sage."""

    blocks: int = 0
    here: int = 0
    plain: int = 0
    lost: list[Lost] = field(factory=list)
    won: list[str] = field(factory=list)
    """The blocks that are right here only: what they say, and what came in plain Sage."""
    neither: list[str] = field(factory=list)
    """Those that are right in neither: what they say, and what came in both."""

    def add(self, other: Tally) -> None:
        """Add another's numbers."""
        self.blocks += other.blocks
        self.here += other.here
        self.plain += other.plain
        self.lost += other.lost
        self.won += other.won
        self.neither += other.neither

    def line(self, name: str) -> str:
        """Its numbers, for a table."""
        here, plain = (f"{100 * right / max(self.blocks, 1):7.2f} %" for right in self._right)
        return f"{name:46}{self.blocks:7}{here}{plain}{len(self.lost):7}{self.unexplained:13}"

    @property
    def unexplained(self) -> int:
        """How many of the lost have no reason."""
        return sum(not each.why for each in self.lost)

    @property
    def _right(self) -> tuple[int, int]:
        return self.here, self.plain


@frozen(kw_only=True)
class Comparison:
    """Runs modules' docstrings in kernels of the server at `url`, and in `sage`.

    Each may take `seconds`.
    """

    url: str
    sage: PlainSage
    explained: Explained
    seconds: float = PATIENCE

    def module(self, name: str) -> Tally:
        """Run a module's docstrings in both, and check both."""
        docstrings = [
            Docstring(**each) for each in self.sage.ask(docstrings=name, seconds=10 * PATIENCE)
        ]
        with ThreadPoolExecutor(AT_A_TIME) as threads:
            kernels = threads.map(self._here, docstrings)
            plain = {each.name: self._plain(each) for each in docstrings}
            here = dict(zip(plain, kernels, strict=True))
        here = run_again(docstrings, here, self._here)
        plain = run_again(docstrings, plain, self._plain)
        right_here, right_in_plain = self._right(name, here), self._right(name, plain)
        tally = Tally()
        for each in docstrings:
            own = [of.get(each.name, ()) for of in (right_here, right_in_plain, here, plain)]
            blocks = zip_longest(each.blocks, *own)
            for block, is_right, is_right_in_plain, came, came_in_plain in blocks:
                tally.blocks += 1
                tally.here += bool(is_right)
                tally.plain += bool(is_right_in_plain)
                name = f"{each.name}, line {block['line'] + 1}"
                if is_right_in_plain and not is_right:
                    described = _described(name, block, came=came)
                    tally.lost.append(Lost(described, self.explained.why(name)))
                elif is_right and not is_right_in_plain:
                    tally.won.append(_described(name, block, came=came_in_plain))
                elif not is_right:
                    both = _described(name, block, here=came, plain=came_in_plain)
                    tally.neither.append(both)
        return tally

    def _here(self, docstring: Docstring) -> list[Came]:
        return in_a_kernel(self.url, docstring, self.seconds)

    def _plain(self, docstring: Docstring) -> list[Came]:
        return in_plain_sage(self.sage, docstring, self.seconds)

    def _right(self, module: str, came: Mapping[str, Sequence[Came]]) -> dict[str, list[bool]]:
        """Of each docstring, which of its blocks are right; those that were not run are missing."""
        checked = self.sage.ask(check=module, came=came, seconds=10 * PATIENCE)
        return {each["name"]: each["right"] for each in checked}


def _described(name: str, block: Mapping[str, Any], **came: Came | None) -> str:
    """A block that is not right, with what came; if nothing came, it was not run."""
    parts = [
        name,
        textwrap.indent(block["code"].rstrip("\n"), "    sage: "),
        textwrap.indent(_cut(block["want"]), "    expected  "),
    ]
    for where, what in came.items():
        got = what["error"] or what["texts"][0] if what else "It was not run: time was up."
        parts.append(textwrap.indent(_cut(got), f"    {where:10}"))
    return "\n".join(parts)


def _cut(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    return "\n".join([*lines[:_LINES], *(["..."] if len(lines) > _LINES else [])])


def main() -> int:
    """The command; its status is 0 if all that is right in plain Sage only has a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.sage.doctests")
    parser.add_argument("--python", type=Path, default=PYTHON, help="one that has Sage")
    parser.add_argument("--url", default="", help="of a server that runs")
    parser.add_argument("--won", action="store_true", help="also blocks that are right here only")
    parser.add_argument("--neither", action="store_true", help="also those right in neither")
    parser.add_argument("--seconds", type=float, default=PATIENCE, help="for each docstring")
    parser.add_argument("modules", nargs="*", help="instead of the thirty")
    options = parser.parse_args()
    total, explained = Tally(), Explained.load()
    with ExitStack() as stack:
        sage = stack.enter_context(PlainSage(str(options.python), ("-m", "tests.sage.docstrings")))
        url = options.url or stack.enter_context(sage_server(options.python)).url
        comparison = Comparison(url=url, sage=sage, explained=explained, seconds=options.seconds)
        say(f"{'module':46}{'blocks':>7}{'here':>9}{'plain':>9}{'lost':>7}{'unexplained':>13}")
        for name in options.modules or MODULES:
            tally = comparison.module(name)
            total.add(tally)
            say(tally.line(name), *map(str, tally.lost))
            if options.won:
                say("right here only:", *tally.won)
            if options.neither:
                say("right in neither:", *tally.neither)
    say(total.line("all"), *explained.summary(each.why for each in total.lost))
    return bool(total.unexplained)


if __name__ == "__main__":
    sys.exit(main())
