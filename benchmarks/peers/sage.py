"""Sage's kernels: this program's, and Sage's own under Jupyter Server."""

from __future__ import annotations

import json
import os
from pathlib import Path

from attrs import define, field
from typing_extensions import override

from benchmarks.peers import SAGE, SAGEMATH
from benchmarks.peers.jupyter import JupyterServer
from benchmarks.peers.sagecell import SETTINGS, SagecellTx


@define(eq=False)
class SagecellSage(SagecellTx):
    """``twistd sagecell-tx`` whose kernels run in `python`, which has Sage."""

    python: Path = field(kw_only=True)
    settings: str = field(init=False)
    name: str = field(default=SAGE, init=False)

    @settings.default
    def _with_python(self) -> str:
        return f'kernel_python = "{self.python}"\n{SETTINGS}'


@define(eq=False)
class StockSage(JupyterServer):
    """Jupyter Server with the kernel specification that the wheels of Sage in `python` bring."""

    python: Path = field(kw_only=True)
    name: str = field(default=SAGEMATH, init=False)
    kernel: str = field(default="sagemath", init=False)

    @override
    def start(self) -> None:
        source = self.python.parents[1] / "share" / "jupyter" / "kernels" / self.kernel
        specification = json.loads((source / "kernel.json").read_text("utf-8"))
        # Jupyter would take "python3" for its own Python.
        specification["argv"][0] = str(self.python)
        target = Path(os.environ["JUPYTER_DATA_DIR"]) / "kernels" / self.kernel
        target.mkdir(parents=True)
        (target / "kernel.json").write_text(json.dumps(specification), "utf-8")
        super().start()
