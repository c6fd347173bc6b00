"""What inspection shows of Sage's documentation: plain text, made without files and processes."""

from __future__ import annotations

import sys

from sage.misc import sagedoc


def simplify() -> None:
    """From now on, Sage makes text of documentation by itself instead of with Sphinx.

    Sphinx is a second and a half slower, and writes files, which the processes that answer
    inspections cannot. Nor is it looked which examples could run here, which starts programs.
    """
    sys.modules["sage.misc.sphinxify"] = None  # type: ignore[assignment] # importing it fails
    sagedoc.process_optional_doctest_tags = str
