"""Fork servers at every level that this process can start, for tests of confinement."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import pytest
from attrs import frozen

from tests.kernelside.driving import PROGRAM, Server
from tests.sagevenv import PYTHON as SAGES_PYTHON

PROJECT = Path(__file__).parents[2]

#: An account without privileges, for a server that is not root.
NOBODY = 65534


@frozen
class Kind:
    """A level, whether the fork server runs as root, and whether its kernels have Sage."""

    level: str
    root: bool
    sage: bool = False

    def __str__(self) -> str:
        name = f"{self.level}-{'root' if self.root else 'user'}"
        return f"sage-{name}" if self.sage else name

    @property
    def python(self) -> str:
        """The interpreter of the fork server."""
        return str(SAGES_PYTHON) if self.sage else sys.executable


#: The level that confines nothing.
NONE = Kind("none", True)


def kinds() -> list[Kind]:
    """All kinds that this process can start: without root, only the levels that do not need it."""
    if os.getuid() == 0:
        return [Kind("namespaces", False), Kind("namespaces", True), Kind("account", True)]
    return [Kind("namespaces", False)]


def with_sage(kind: Kind) -> Kind:
    """The same kind, whose kernels have Sage."""
    return attrs.evolve(kind, sage=True)


def _sages(kind: Kind) -> pytest.ParameterSet:
    """The same kind with Sage, for tests that then have the marker `sage`."""
    return pytest.param(with_sage(kind), marks=pytest.mark.sage, id=str(with_sage(kind)))


#: Levels with Sage. Its fork servers take long to start, so there is none without root beside
#: those of root.
_SAGES = [_sages(kind) for kind in kinds() if kind.root or os.getuid() != 0]

#: For `at_each`: the levels that confine, without and with Sage; all levels; all with Sage.
CONFINING = [*kinds(), *_SAGES]
ALL_SAGES = [*_SAGES, _sages(NONE)]
ALL = [*kinds(), NONE, *ALL_SAGES]


def at_each(kinds: Sequence[object]) -> pytest.MarkDecorator:
    """Runs tests of tests/kernelside/sandbox at each of these; all modules share the servers."""
    return pytest.mark.parametrize("kind", kinds, ids=str, indirect=True, scope="package")


def outermost_private(path: Path) -> Path | None:
    """The first directory on `path` that other accounts may not pass through."""
    way = [*reversed(path.parents), path]
    return next((one for one in way if not one.stat().st_mode & stat.S_IXOTH), None)


def opened(public: Path) -> list[str]:
    """A command that starts a program so that any account can use this interpreter.

    A Python of pyenv or uv is in a home directory, and so may be the checkout. The program gets a
    mount namespace in which such a home is empty except for them, at their usual paths.
    """
    places = {Path(path) for path in (PROJECT, sys.prefix, sys.base_prefix)}
    places |= {path.resolve() for path in places}
    homes = {path: home for path in places if (home := outermost_private(path)) is not None}
    if not homes:
        return []
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip(f"no mount namespace here to open {', '.join(map(str, homes))} to others")
    steps: list[list[object]] = []
    kept = {path: public / str(number) for number, path in enumerate(sorted(homes))}
    for path, copy in kept.items():
        copy.mkdir()
        steps.append(["mount", "--bind", path, copy])
    for home in sorted(set(homes.values())):
        steps.append(["mount", "-t", "tmpfs", "-o", "mode=755", "none", home])
    for path, copy in kept.items():
        steps += [["mkdir", "-p", path], ["mount", "--bind", copy, path]]
    script = " && ".join(shlex.join(map(str, step)) for step in steps)
    return ["unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh"]


@contextmanager
def confined(
    kind: Kind,
    preload: str = "",
    *,
    program: Sequence[str] = PROGRAM,
    first: Sequence[str] = (),
) -> Iterator[Server]:
    """A fork server of that kind, with directories that its kernels can reach.

    `program` are Python's arguments; `first` is a command before Python's, run with this account.
    The other programs of its interpreter are found before the system's.
    """
    with ExitStack() as left:
        base, public = (Path(tempfile.mkdtemp(prefix="cell", dir="/tmp")) for _ in range(2))
        left.callback(shutil.rmtree, base)
        left.callback(shutil.rmtree, public)
        base.chmod(0o711)
        public.chmod(0o755)
        prefix: list[str] = []
        unprivileged = os.getuid() == 0 and not kind.root
        if os.getuid() == 0 and not (kind.level == "namespaces" and kind.root):
            prefix = opened(public)
        if unprivileged:
            os.chown(base, NOBODY, NOBODY)
            nobody = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            prefix += ["setpriv", *nobody]
        server = Server(
            base,
            preload,
            sandbox=kind.level,
            user=NOBODY if unprivileged else None,
            prefix=[*first, *prefix],
            program=[*program],
            python=kind.python,
            metadata={"language": "python"} if kind.sage else {},
            environment={
                **os.environ,
                "PATH": f"{Path(kind.python).parent}:{os.environ['PATH']}",
            },
        )
        left.callback(server.close)
        yield server
