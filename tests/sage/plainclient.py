"""A plain Sage in a process of its own: ``tests.sage.plain``, from the outside."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import IO, Any, Self, cast

from attrs import define, field

_ROOT = Path(__file__).parents[2]


@define
class PlainSage:
    """The process, as a context manager; `python` is one that has Sage."""

    python: str
    arguments: tuple[str, ...] = ("-m", "tests.sage.plain")
    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [self.python, *self.arguments],
            cwd=_ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.__exit__(None, None, None)

    def ask(self, **request: object) -> list[Any]:
        """The answers to one request, of which some are missing if it was not done in time."""
        ours = cast("IO[str]", self._process.stdin)
        ours.write(json.dumps(request) + "\n")
        ours.flush()
        answers: list[Any] = json.loads(cast("IO[str]", self._process.stdout).readline())["answers"]
        return answers

    def run(self, cells: list[str], *, seconds: float) -> list[Any]:
        """The messages of each cell."""
        return self.ask(run=cells, seconds=seconds)
