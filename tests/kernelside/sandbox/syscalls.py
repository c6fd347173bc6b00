"""``make syscalls``: the calls that ordinary programs make, beside those that the filter allows.

    python -m tests.kernelside.sandbox.syscalls [--sage]

It runs `ordinary` under strace, or with ``--sage`` the corpus of Sage in a kernel, without any
filter. It prints three lists: what was called and is allowed, what was called and is not, and what
is allowed and nobody called.
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
from tests.integration.waiting import until
from tests.kernelside.confined import NONE, confined, with_sage
from tests.kernelside.sandbox import ordinary
from tests.sage import cells, ways

#: For each list a title, and the calls.
Lists = dict[str, list[str]]

#: What programs call where there is no filter; under it they do without.
ALLOWED = {*callnames.ALLOWED, *callnames.BY_ARGUMENTS, *callnames.SHARED}

#: Counts the calls of a process and of all that it starts.
_STRACE = ("strace", "-f", "-qq", "-c", "-U", "name", "-o")


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
        program = [sys.executable, str(Path(ordinary.__file__))]
        subprocess.run(
            [*_STRACE, str(summary), *program],
            cwd=directory,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return called(summary.read_text())


def traced_with_sage() -> set[str]:
    """The calls of a kernel that runs all cells of the corpus, and of whatever they start."""
    with tempfile.TemporaryDirectory() as directory, confined(with_sage(NONE)) as server:
        summary = Path(directory, "summary")
        kernel = server.start()
        strace = subprocess.Popen([*_STRACE, str(summary), "-p", str(kernel.pid)])
        until(lambda: _is_traced(kernel.pid))
        for cell in cells.load().values():
            result = kernel.run(ways.wrapped(cell), metadata={"language": cell.language})
            if result.reply["status"] != "ok" and not cell.expected.error:
                sys.stderr.write(f"{cell.name}: {result.reply['ename']}\n")
        kernel.stop()
        strace.wait()
        return called(summary.read_text())


def _is_traced(pid: int) -> bool:
    """Whether each thread of a process is."""
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return not any("\nTracerPid:\t0\n" in status for status in statuses)


def main() -> int:
    """Print the lists."""
    if shutil.which("strace") is None:
        sys.stderr.write("This takes strace.\n")
        return 1
    names = traced_with_sage() if sys.argv[1:] == ["--sage"] else traced()
    for title, listed in compared(names).items():
        text = textwrap.fill(" ".join(listed), 100, break_on_hyphens=False)
        sys.stdout.write(f"{title} ({len(listed)})\n{textwrap.indent(text, '    ')}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
