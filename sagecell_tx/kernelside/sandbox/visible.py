"""The parts of the system that a kernel may see: programs and libraries, no personal files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

#: Programs, libraries and their data.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")

#: The parts of /etc that programs read and that contain no secrets.
ETC = (
    "R",
    "alternatives",
    "fonts",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "magic",
    "mime.types",
    "octave.conf",
    "octaverc",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "texmf",
    "timezone",
)

#: Devices without hardware behind them.
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def python_directories() -> Iterator[str]:
    """The directories that Python may import from, now and later.

    Instead of the directory that contains this package, only the package itself: the rest may be a
    checkout with other files of its owner.
    """
    ours = Path(__file__).resolve().parents[2]
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(ours)}
    found |= {path for path in sys.path if path and os.path.isdir(path)}
    found |= {os.path.realpath(path) for path in found}
    found -= {str(ours.parent), "/"}
    yield from sorted(path for path in found if not _is_inside(path, found | set(SYSTEM)))


def _is_inside(path: str, others: set[str]) -> bool:
    return any(path.startswith(f"{other}/") or path == other != path for other in others)


def of_etc() -> Iterator[str]:
    """The existing paths in /etc that a kernel may see."""
    paths = (os.path.join("/etc", name) for name in ETC)
    yield from (path for path in paths if os.path.exists(path))
