"""Sage's own doctests: their blocks, and whether what came is what they say.

``python -m tests.sage.docstrings``, with a Python that has Sage, is `tests.sage.plain` with two more
requests. Blocks that need what is not installed, or a long time, are left out::

    -> {"docstrings": "sage.plot.plot"}
    <- {"answers": [{"name": "sage.plot.plot.generate_plot_points",
                     "blocks": [{"line": 2907, "code": "...", "want": "..."}, ...]}, ...]}

    -> {"check": "sage.plot.plot",
        "came": {"sage.plot.plot.generate_plot_points": [{"texts": ["2"], "error": ""}, ...]}}
    <- {"answers": [{"name": "sage.plot.plot.generate_plot_points", "right": [true, ...]}, ...]}

``texts`` are readings of the output of one block; one of them has to be right.
"""

from __future__ import annotations

import doctest
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.sage.plain import Message, PlainSage, serve

_FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

#: What is present, although Sage says that it is not: it counts FriCAS as a part of it.
_PRESENT = ("sage.symbolic",)


class Doctests:
    """The doctests of the installed modules."""

    def __init__(self, sage: PlainSage) -> None:
        from sage.doctest.parsing import SageOutputChecker

        self._sage = sage
        self._checker = SageOutputChecker()

    def answer(self, request: Message) -> Iterator[Any]:
        """The answers to one request."""
        if "docstrings" in request:
            yield from map(_described, _docstrings(request["docstrings"]))
        elif "check" in request:
            for test in _docstrings(request["check"]):
                pairs = zip(test.examples, request["came"].get(test.name, ()), strict=False)
                yield {"name": test.name, "right": [self._is_right(*pair) for pair in pairs]}
        else:
            yield from self._sage.answer(request)

    def _is_right(self, block: doctest.Example, came: Message) -> bool:
        if not came["error"]:
            return any(self._matches(block.want, text) for text in came["texts"])
        if block.exc_msg is None:
            return False
        # Python names the module of an error's class, kernels do not.
        name, separator, rest = block.exc_msg.partition(":")
        wanted = (block.exc_msg, name.rpartition(".")[2] + separator + rest)
        return any(self._matches(each, came["error"]) for each in wanted)

    def _matches(self, want: str, text: str) -> bool:
        whole = text if not text or text.endswith("\n") else f"{text}\n"
        return bool(self._checker.check_output(want, whole, _FLAGS))


def _docstrings(module: str) -> Iterator[doctest.DocTest]:
    """The docstrings of a module that have blocks, from its source in the wheel."""
    from sage.doctest.control import DocTestDefaults
    from sage.doctest.sources import FileDocTestSource

    options = DocTestDefaults()
    options.optional = {*options.optional, *_PRESENT}
    source = FileDocTestSource(str(_source(module)), options)
    names: set[str] = set()
    for test in source.create_doctests({})[0]:
        test.examples = [block for block in test.examples if _is_written(block)]
        if test.examples:
            if test.name in names:
                test.name += f", line {test.lineno}"
            names.add(test.name)
            yield test


def _source(module: str) -> Path:
    found = importlib.util.find_spec(module)
    assert found is not None, module
    assert found.origin is not None, module
    folder, name = Path(found.origin).parent, module.rpartition(".")[2]
    return next(path for kind in ("py", "pyx") if (path := folder / f"{name}.{kind}").exists())


def _is_written(block: doctest.Example) -> bool:
    """Whether the block is in the docstring: Sage's parser adds some of its own."""
    added = "# virtual doctest" in block.source or "(virtual doctest)" in block.source
    return hasattr(block, "sage_source") and not added


def _described(test: doctest.DocTest) -> Message:
    blocks: list[Any] = test.examples  # Sage's parser gives them more attributes
    start = test.lineno or 0
    return {
        "name": test.name,
        "blocks": [
            {"line": start + block.lineno, "code": block.sage_source, "want": block.want}
            for block in blocks
        ],
    }


if __name__ == "__main__":
    serve(Doctests(PlainSage()).answer)
