"""Chooses the kernels' level of confinement: the requested one, or the highest that works here.

The level is tried before the first kernel, by a program that enters it. If a requested level does
not work, the server does not start.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from attrs import evolve, frozen
from twisted.logger import Logger

from sagecell_tx.config import SANDBOXES, ConfigError
from sagecell_tx.hosts.forked.protocol import environment
from sagecell_tx.hosts.forked.python import Run
from sagecell_tx.wire.messages import WireError, parse_object

_log = Logger()

#: How long the trial may take, in seconds.
_PATIENCE = 30

_TRY = "sagecell_tx.kernelside.sandbox.detect"


@frozen(kw_only=True)
class Sandbox:
    """A level, or ``auto``, and its settings; the constructor raises `ConfigError`.

    `kernels` is the parent of the kernels' directories, `hidden` are directories that no kernel may
    see, `visible` those that each may read beside the system's, `accounts` are the first user id
    for kernels and the number of ids.
    """

    level: str
    kernels: str
    hidden: tuple[str, ...] = ()
    visible: tuple[str, ...] = ()
    accounts: tuple[int, ...] = (0, 0)

    def __attrs_post_init__(self) -> None:
        if self.level not in ("auto", *SANDBOXES):
            names = ", ".join(("auto", *SANDBOXES))
            raise ConfigError(f"sandbox: expected one of {names}, not {self.level!r}")
        if len(self.accounts) != 2:
            raise ConfigError("accounts: expected the first user id and the number of ids")

    @property
    def arguments(self) -> list[str]:
        """The command line arguments for the fork server and for the trial."""
        arguments = ["--sandbox", self.level, "--kernels", self.kernels]
        for path in self.hidden:
            arguments += ["--hide", path]
        for path in self.visible:
            arguments += ["--show", path]
        first, count = self.accounts
        return [*arguments, "--accounts", f"{first}:{count}"]

    def chosen(self, run: Run, python: str = sys.executable) -> Sandbox:
        """A copy with a level that works for the Python `python`; raises `ConfigError`. Blocks."""
        output, complaints = run([python, "-P", "-m", _TRY, *self.arguments])
        try:
            answer = parse_object(output)
        except WireError:
            answer = {}
        level = answer.get("sandbox")
        if not isinstance(level, str):
            why = answer.get("unavailable") or complaints.strip()[-500:] or "Its trial failed."
            raise ConfigError(f"The sandbox {self.level!r} is not available here. {why}")
        for line in complaints.splitlines():
            _log.warn("sandbox: {line}", line=line)
        return evolve(self, level=level)


def run_program(argv: Sequence[str]) -> tuple[str, str]:
    """Run a Python program, such as the one that tries levels; raises `ConfigError`. Blocks."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            argv,
            env=environment(argv[0]),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"The trial of the sandbox failed: {error}") from error
    return done.stdout, done.stderr
