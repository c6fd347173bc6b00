"""Singular, which reads a file as if it were typed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sagecell_tx.kernelside.languages.programs import LanguageError
from sagecell_tx.kernelside.sagemath.languages import sources
from sagecell_tx.kernelside.sagemath.languages.interpreter import Interpreter, show


class Singular(Interpreter):
    """Singular. A program ends at its first error."""

    marking = ';"{}"+"{}";'
    prompt = rb"\r\n> \Z"

    def parts(self, text: str) -> Sequence[str]:
        """The last semicolon may be missing, but no bracket: Singular would wait for it."""
        opened = sources.left_open(sources.without_comments(text, "singular"))
        if opened:
            raise LanguageError(f"The program ends before a {opened} is closed.")
        return (f"{text}\n;",)

    def command(self, path: str, mark: str) -> str:
        """Reads the file as if it were typed."""
        return f'< "{path}";\n{mark}'

    def output(self, printed: str, path: str, mark: str) -> str:
        """What is printed before an error; raises LanguageError."""
        said = printed.partition(mark)[0].removesuffix("> ")
        said = re.sub(r"^// \*\* (redefining|loaded) .*\n", "", said, flags=re.MULTILINE)
        error = re.search(r"^   \? ", said, re.MULTILINE)
        if error is None:
            return said
        show(said[: error.start()])
        told = said[error.start() :].replace(
            f"error occurred in or before {path}", "It is in or before"
        )
        raise LanguageError("\n".join(line.strip(" ?") for line in told.strip().splitlines()))
