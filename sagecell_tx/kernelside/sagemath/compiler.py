"""A compiler whose sources, in tracebacks, are what the visitor has typed."""

from __future__ import annotations

import linecache

from sagecell_tx.kernelside.kernel.tracebacks import CellCompiler
from sagecell_tx.kernelside.languages import python


class SageCompiler(CellCompiler):
    """As ours, but tracebacks do not show what Sage's preparser has made of a cell."""

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        """See `CachingCompiler.cache`: the file name for a cell's source.

        A line of the cell is a line of what is compiled, unless a magic has changed that. A program that
        was wrapped is shown without that.
        """
        name: str = super().cache(transformed_code, number, raw_code)
        if python.wrapped_program(raw_code or "") is not None:
            return name
        typed = (raw_code or transformed_code).splitlines(keepends=True)
        if len(typed) == len(transformed_code.splitlines()):
            linecache.cache[name] = (len(raw_code or transformed_code), None, typed, name)
        return name
