"""Languages other than Python, for cells that are written in them.

A page wraps such a cell's code in Python, as ``print(gap.eval(\"\"\"...\"\"\"))``; these are the
names that it uses. Programs are looked up and started only when a name is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from sagecell_tx.kernelside.languages.markup import html
from sagecell_tx.kernelside.languages.programs import Language

#: The objects for these languages, by the names that every visitor's program finds.
NAMES: Mapping[str, object] = {
    "gap": Language("GAP", "gap", ("-q", "-T", "-r")),
    "gp": Language("PARI/GP", "gp", ("-q", "-f")),
    "html": html,
    "macaulay2": Language(
        "Macaulay2",
        "M2",
        (
            *("--silent", "-q", "--no-readline", "--no-prompts", "--no-debug", "--no-tty"),
            # Macaulay2 echoes input that does not come from a terminal.
            *("-e", "clearEcho stdio"),
        ),
    ),
    "maxima": Language("Maxima", "maxima", ("--very-quiet",), before="display2d:false$\n"),
    "octave": Language(
        "Octave",
        "octave-cli",
        (
            *("--quiet", "--norc", "--no-history"),
            # In one piece: read line by line, it accepts no function definitions.
            *("--eval", "eval(fread(stdin, Inf, 'char=>char')')"),
        ),
    ),
    "r": Language("R", "R", ("--no-echo", "--vanilla"), environment={"R_DEFAULT_DEVICE": "png"}),
    "singular": Language("Singular", "Singular", ("-q", "--no-rc", "--no-tty")),
}
