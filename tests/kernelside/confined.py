"""Fork servers at every level that this process can start, for those who try to break out."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.kernelside.driving import PROGRAM, Server

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


def for_all(public: Path) -> tuple[str, dict[str, str], list[str]]:
    """An interpreter that any account can run, its environment, and what starts it.

    The checkout and its packages may be in private directories, so that they are bound to
    ones below `public`, in a mount namespace of the fork server's own.
    """
    python = f"/usr/bin/python3.{sys.version_info.minor}"
    assert os.path.exists(python), f"other accounts need {python}"
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    project, installed = public / "project", public / "packages"
    for made in (project, installed):
        made.mkdir(mode=0o755)
    binding = f"mount --bind {PROJECT} {project} && mount --bind {packages} {installed}"
    prefix = ["unshare", "--mount", "sh", "-c", f'{binding} && exec "$@"', "sh"]
    return python, {**os.environ, "PYTHONPATH": f"{project}:{installed}"}, prefix


@contextmanager
def confined(
    kind: Kind, preload: str = "", *, program: Sequence[str] = PROGRAM, first: Sequence[str] = ()
) -> Iterator[Server]:
    """A fork server of that kind, with directories that its kernels can reach.

    `program` is what Python runs, `first` what runs all that, as whoever runs the tests.
    """
    base = Path(tempfile.mkdtemp(prefix="cell", dir="/tmp"))
    base.chmod(0o711)
    public = Path(tempfile.mkdtemp(prefix="cell", dir="/tmp"))
    public.chmod(0o755)
    unprivileged = os.getuid() == 0 and not kind.root
    if unprivileged:
        os.chown(base, NOBODY, NOBODY)
    python, environment = sys.executable, dict(os.environ)
    prefix: list[str] = []
    if os.getuid() == 0 and kind != Kind("namespaces", True):
        python, environment, prefix = for_all(public)
    if unprivileged:
        nobody = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        prefix += ["setpriv", *nobody]
    server = Server(
        base,
        preload,
        sandbox=kind.level,
        user=NOBODY if unprivileged else None,
        python=python,
        prefix=[*first, *prefix],
        program=[*program],
        environment=environment,
    )
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(base)
        shutil.rmtree(public)
