"""``make syscalls``: the calls that ordinary programs make, beside those that the filter allows.

It runs `ordinary` under strace, without any filter, and prints three lists: what was called
and is allowed, what was called and is not, and what is allowed and nobody called.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable
from pathlib import Path

from sagecell_tx.kernelside.sandbox import callnames
from tests.kernelside.sandbox import ordinary

#: For each list a title, and the calls.
Lists = dict[str, list[str]]

#: What programs call where there is no filter; under it they do without.
ALLOWED = {*callnames.ALLOWED, *callnames.BY_ARGUMENTS, *callnames.SHARED}


def called(summary: str) -> set[str]:
    """The names in a summary of strace's, of which only the names were asked for."""
    names = {line.strip() for line in summary.splitlines()}
    return {name for name in names if name.replace("_", "").isalnum()} - {"syscall", "total"}


def compared(names: Iterable[str]) -> Lists:
    """What was called beside what may be."""
    names = set(names)
    return {
        "called, and allowed": sorted(names & ALLOWED),
        "called, and not allowed": sorted(names - ALLOWED),
        "allowed, and never called": sorted(ALLOWED - names),
    }


def traced() -> set[str]:
    """The calls of all programs in `ordinary`, and of whatever they start."""
    with tempfile.TemporaryDirectory() as directory:
        summary = Path(directory, "summary")
        counting = ["strace", "-f", "-qq", "-c", "-U", "name", "-o", str(summary)]
        program = [sys.executable, str(Path(ordinary.__file__))]
        subprocess.run([*counting, *program], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        return called(summary.read_text())


def main() -> int:
    """Print the lists."""
    if shutil.which("strace") is None:
        sys.stderr.write("This takes strace.\n")
        return 1
    for title, names in compared(traced()).items():
        text = textwrap.fill(" ".join(names), 100, break_on_hyphens=False)
        sys.stdout.write(f"{title} ({len(names)})\n{textwrap.indent(text, '    ')}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
