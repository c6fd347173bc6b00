"""The directories that a kernelspec's kernels have to read: where its program is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

#: Where kernels may read in any case.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")

#: The first line of a script is read up to here, in bytes.
_FIRST_LINE = 512


class TooMuch(Exception):
    """A program stands where other things are too; the text is a sentence without its beginning."""


def program_directories(program: str) -> list[str]:
    """The directories to show for the program at an absolute path; raises `TooMuch`.

    Those of the program, of what it links to, and of the interpreter of a script: the prefix where
    it stands in ``bin``, otherwise its own directory. The system's are left out.
    """
    found = {_prefix(path) for path in _chain(program)}
    for path in found:
        if path and _is_shared(path):
            raise TooMuch(
                f"kernels would have to read all of {path}; "
                "install the kernel into a directory of its own, such as a virtual environment"
            )
    return sorted(path for path in found if path)


def _chain(program: str) -> Iterator[str]:
    """The program, the file that it is a link to, and the same of its interpreter."""
    seen = [program]
    if interpreter := _interpreter(program):
        seen.append(interpreter)
    for path in seen:
        yield os.path.normpath(path)
        yield os.path.realpath(path)


def _interpreter(program: str) -> str:
    """The interpreter that the first line of a script names; empty if it is no script."""
    try:
        with open(program, "rb") as file:
            line = file.readline(_FIRST_LINE)
    except OSError:
        return ""
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words and words[0].startswith(b"/") else ""


def _prefix(program: str) -> str:
    """The directory to show for a program; empty for none."""
    directory = os.path.dirname(program)
    if _is_of_system(directory):
        return ""
    return os.path.dirname(directory) if os.path.basename(directory) == "bin" else directory


def _is_of_system(path: str) -> bool:
    return any(path == other or path.startswith(f"{other}/") for other in _SYSTEM)


def _is_shared(path: str) -> bool:
    """Whether personal or foreign files stand there: a home directory, or one of the root's."""
    home = str(Path.home())
    return (path.count("/") == 1 and path != "/opt") or path in (home, f"{home}/.local")
