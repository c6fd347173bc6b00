"""Why blocks of Sage's doctests are right in plain Sage and not here: ``explained.toml``.

Each table is a reason::

    [memory]
    reason = "Kernels have less memory than plain Sage."
    blocks = ["sage.matrix.special.random_matrix, line 12"]

A block is its docstring and the line of it in the module's file; patterns such as ``sage.plot.*`` stand for several.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

from attrs import frozen

_FILE = Path(__file__).with_name("explained.toml")


@frozen(kw_only=True)
class Reason:
    """A sentence, and the blocks that it is true of."""

    name: str
    reason: str
    blocks: Sequence[str]


@frozen
class Explained:
    """All reasons."""

    reasons: Sequence[Reason] = ()

    @classmethod
    def load(cls, path: Path = _FILE) -> Self:
        """Those of a file; raises TypeError if a key is unknown or missing."""
        tables = tomllib.loads(path.read_text("utf-8"))
        return cls([Reason(name=name, **table) for name, table in tables.items()])

    def why(self, block: str) -> str:
        """The name of the first reason for a block; empty if there is none."""
        for each in self.reasons:
            if any(fnmatchcase(block, pattern) for pattern in each.blocks):
                return each.name
        return ""

    def summary(self, names: Iterable[str]) -> Iterator[str]:
        """A line for each reason that occurs in `names`: how often, and the sentence."""
        counts = Counter(names)
        for each in self.reasons:
            if each.name in counts:
                yield f"{counts[each.name]:4} {each.name}: {each.reason}"
