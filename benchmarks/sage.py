"""``python -m benchmarks.sage``: kernels with Sage beside plain ones, and beside Sage's own.

Three peers take turns: this program with Sage, the same with plain kernels, and Jupyter Server with
the kernel that Sage's wheels bring. It is a measurement, not a test: the exit status is always 0.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import attrs

from benchmarks import processes
from benchmarks.client import Talk, Unexpected, ask
from benchmarks.comparison import Comparison
from benchmarks.effort import FULL, QUICK, Effort, Figures
from benchmarks.measures import Measure, first_result
from benchmarks.measures import first_result_forked as by_fork
from benchmarks.peers import SAGE, SAGECELL, SAGEMATH, Peer
from benchmarks.peers.sage import SagecellSage, StockSage
from benchmarks.peers.sagecell import SagecellTx
from benchmarks.table import MEGA, MILLI, Bar, Row
from tests.sagevenv import PYTHON

_ABOUT_THE_PEERS = f"""\
{SAGE:<12} twistd sagecell-tx, whose kernels have Sage
{SAGECELL:<12} the same with plain kernels
{SAGEMATH:<12} Jupyter Server with the kernel that Sage's wheels bring"""

_FACTORED = "59649589127497217 * 5704689200685129054721"

#: A visitor's first eight cells, each of another part of Sage.
MIXED = (
    "1+1",
    "factor(2^64+1)",
    "integrate(sin(x)^2, x)",
    "matrix(QQ, [[1,2],[3,4]]).eigenvalues()",
    "plot(sin(x), (x, 0, 1))",
    "SymmetricGroup(4).order()",
    "graphs.PetersenGraph().chromatic_number()",
    "solve(x^2==2, x)",
)


def factor(peer: Peer, effort: Effort) -> Figures:
    """A first cell that factors a number, and how much longer it takes than a first ``1+1``."""
    assert isinstance(peer, SagecellTx)
    factoring, longer = [], []
    for _ in range(2 * effort.starts):
        (adding,) = first_result(peer, attrs.evolve(effort, starts=1))["first"]
        peer.await_ready_kernels()
        begun = time.perf_counter()
        with closing(peer.open()) as talk:
            _factor(talk)
            factoring.append(time.perf_counter() - begun)
        longer.append(factoring[-1] - adding)
    return {"factor": factoring, "factor-longer": longer}


def _factor(talk: Talk) -> None:
    texts = [
        message["content"]["data"]["text/plain"]
        for message in ask(talk, "factor(2^128+1)")
        if message["header"]["msg_type"] == "execute_result"
    ]
    if texts != [_FACTORED]:
        raise Unexpected(f"factor(2^128+1) gave {texts}")


def memory_of_mixed_cells(peer: Peer, effort: Effort) -> Figures:
    """Kernels that have run eight mixed cells each, all running: bytes for each."""
    with ExitStack() as opened:
        for _ in range(effort.kernels):
            talk = opened.enter_context(closing(peer.open()))
            for cell in MIXED:
                list(ask(talk, cell))
        roots = peer.kernels()
        if len(roots) != effort.kernels:
            raise Unexpected(f"{len(roots)} kernel processes instead of {effort.kernels}")
        each = [processes.memory(processes.trees([root])) for root in roots]
    return {
        "uss-mixed": [memory.own for memory in each],
        "pss-mixed": [sum(memory.proportional for memory in each) / len(each)],
    }


_ALL = (SAGE, SAGECELL, SAGEMATH)

MEASURES = (
    Measure(name="first-result", take=first_result, turns=3, peers=_ALL),
    Measure(name="first-forked", take=by_fork, turns=2, peers=(SAGE, SAGECELL)),
    Measure(name="factor", take=factor, turns=2, peers=(SAGE,)),
    Measure(name="memory", take=memory_of_mixed_cells, turns=1, peers=(SAGE,)),
)

ROWS = (
    Row("first", "1+1, first result, kernels ready", "ms", MILLI),
    Row("first-forked", "1+1, first result, none ready", "ms", MILLI),
    Row("factor", "factor(2^128+1), first result, kernels ready", "ms", MILLI),
    Row("factor-longer", "factor(2^128+1), longer than 1+1", "ms", MILLI),
    Row("uss-mixed", "memory shared with none (USS), eight mixed cells", "MB", MEGA),
    Row("pss-mixed", "memory a kernel, PSS, {kernels} with eight mixed cells", "MB", MEGA),
)

BARS = (
    Bar(row="first", limit=2, against=SAGECELL),
    Bar(row="first-forked", limit=2.5, against=SAGECELL),
    Bar(row="first", limit=0.05, against=SAGEMATH),
    Bar(row="factor-longer", limit=40),
    Bar(row="uss-mixed", limit=50),
    Bar(row="pss-mixed", limit=90),
)


_COMPARISON = Comparison(
    about=_ABOUT_THE_PEERS,
    measures=MEASURES,
    rows=ROWS,
    budget=240,
    ours=SAGE,
    targets={"Promised:": (SAGE, BARS)},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = _COMPARISON.parser("benchmarks.sage", __doc__)
    parser.add_argument("--python", type=Path, default=PYTHON, help="a Python that has Sage")
    options = parser.parse_args(arguments)
    effort = attrs.evolve(QUICK if options.quick else FULL, kernels=10)
    _COMPARISON.run(options, effort, lambda directory: _peers(directory, options.python.absolute()))
    return 0


def _peers(directory: Path, python: Path) -> list[Peer]:
    return [
        SagecellSage(directory / "sage", python=python),
        SagecellTx(directory / "sagecell"),
        StockSage(directory / "sagemath", python=python),
    ]


if __name__ == "__main__":
    sys.exit(main())
