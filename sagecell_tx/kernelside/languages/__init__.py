"""Languages other than Python, for cells that are written in them.

A page wraps such a cell's code in Python, as ``print(gap.eval(\"\"\"...\"\"\"))``; these are the
names that it uses. They cost nothing before they are: no process, no look for a program.
"""

from __future__ import annotations

from collections.abc import Mapping

from sagecell_tx.kernelside.languages.markup import html
from sagecell_tx.kernelside.languages.programs import Language

#: What every visitor's program finds defined, by name.
NAMES: Mapping[str, object] = {
    "gap": Language("GAP", "gap", ("-q", "-T", "-r")),
    "gp": Language("PARI/GP", "gp", ("-q", "-f")),
    "html": html,
    "macaulay2": Language(
        "Macaulay2",
        "M2",
        (
            *("--silent", "-q", "--no-readline", "--no-prompts", "--no-debug", "--no-tty"),
            # It repeats what it reads from anything but a terminal.
            *("-e", "clearEcho stdio"),
        ),
    ),
    "maxima": Language("Maxima", "maxima", ("--very-quiet",), before="display2d:false$\n"),
    "octave": Language(
        "Octave",
        "octave-cli",
        (
            *("--quiet", "--norc", "--no-history"),
            # As one text: line by line, it takes no functions.
            *("--eval", "eval(fread(stdin, Inf, 'char=>char')')"),
        ),
    ),
    "r": Language("R", "R", ("--no-echo", "--vanilla"), environment={"R_DEFAULT_DEVICE": "png"}),
    "singular": Language("Singular", "Singular", ("-q", "--no-rc", "--no-tty")),
}
