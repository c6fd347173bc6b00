"""Fork servers at every level that this process can start, for those who try to break out."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.kernelside.driving import Server

PROJECT = Path(__file__).parents[2]

#: An account without privileges, for a server that is not root.
NOBODY = 65534


@frozen
class Kind:
    """A level, and whether the fork server runs as root."""

    level: str
    root: bool

    def __str__(self) -> str:
        return f"{self.level}-{'root' if self.root else 'user'}"


def kinds() -> list[Kind]:
    """What there is: without root, the levels that need none."""
    if os.getuid() == 0:
        return [Kind("namespaces", False), Kind("namespaces", True), Kind("account", True)]
    return [Kind("namespaces", False)]


def python_for_all() -> tuple[str, dict[str, str]]:
    """An interpreter that any account can run, with this one's packages, and its environment."""
    environment = dict(os.environ)
    if _is_public(sys.base_prefix) and _is_public(sys.prefix):
        return sys.executable, environment
    other = f"/usr/bin/python3.{sys.version_info.minor}"
    assert os.path.exists(other), f"{sys.base_prefix} is private, and there is no {other}"
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment["PYTHONPATH"] = f"{PROJECT}:{packages}"
    return other, environment


def _is_public(path: str) -> bool:
    """Whether other accounts can get there."""
    parents = [Path(path), *Path(path).parents]
    return all(parent.stat().st_mode & 0o001 for parent in parents)


@contextmanager
def confined(kind: Kind, preload: str = "") -> Iterator[Server]:
    """A fork server of that kind, with directories that its kernels can reach."""
    base = Path(tempfile.mkdtemp(prefix="cell", dir="/tmp"))
    base.chmod(0o711)
    unprivileged = os.getuid() == 0 and not kind.root
    if unprivileged:
        os.chown(base, NOBODY, NOBODY)
    python, environment = python_for_all() if kind != Kind("namespaces", True) else (None, None)
    server = Server(
        base,
        preload,
        sandbox=kind.level,
        user=NOBODY if unprivileged else None,
        python=python or sys.executable,
        environment=environment or dict(os.environ),
    )
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(base)
