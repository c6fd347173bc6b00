"""The program with stock ipykernels: the difference to sagecell-tx comes from the kernels."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from benchmarks import stockkernels
from benchmarks.peers import STOCK
from benchmarks.peers.sagecell import SagecellTx


@define(eq=False)
class StockKernels(SagecellTx):
    """See `benchmarks.stockkernels`."""

    twistd: Sequence[str] = field(factory=lambda: stockkernels.command("twistd"), init=False)
    name: str = field(default=STOCK, init=False)
