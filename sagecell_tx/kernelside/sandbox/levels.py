"""The interface of the levels of confinement.

``none`` is for development, ``account`` gives each kernel a user id of its own, ``namespaces``
gives it namespaces of its own. The fork server uses each of them as a `Level`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from sagecell_tx.kernelside.bootstrap import Secrets
from sagecell_tx.kernelside.listeningsockets import Listeners
from sagecell_tx.kernelside.startcommand import StartCommand


class Unavailable(Exception):
    """A level does not work here; the text is a sentence that says why."""


@frozen(kw_only=True)
class KernelEnvironment:
    """What a confined kernel runs with: directories as it sees them, sockets, variables.

    `work` is where cells run, `temporary` is for temporary files; `listeners` are bound, and their
    directory is not writable any more; `variables` are environment variables to add. `network` is
    "open" for the machine's own, "proxy" for the server's proxy alone, or "none".

    A kernel with a program of its own has no listeners yet: the program binds them in `sockets`,
    which stays writable. `shared` is a descriptor of that directory, if the server cannot reach it
    by a path.
    """

    work: str
    temporary: str
    sockets: str
    listeners: Listeners
    shared: int | None = None
    variables: Mapping[str, str] = field(factory=dict)
    network: str = "open"


@frozen(kw_only=True)
class Setting:
    """The settings that all kernels of a fork server share, with paths outside of any sandbox.

    `kernels` is the parent of the kernels' directories, `hidden` are directories that no kernel
    may see, `accounts` are the first user id for kernels and the number of ids.
    """

    kernels: str
    hidden: Sequence[str] = ()
    accounts: tuple[int, int] = (0, 0)


class Level(Protocol):
    """One way to confine kernels."""

    name: str
    features: Sequence[str]  # further mechanisms in force: landlock, seccomp
    unbounded: Sequence[str]  # kinds of memory that only a control group would bound
    bounds_files: bool  # whether Linux itself bounds what a kernel writes

    def prepare(self) -> None:
        """Apply the part of the confinement that all kernels share; raises `Unavailable`.

        Called once, when everything is imported.
        """

    def fork(self, start: StartCommand, directory: int | None, run: Callable[[], object]) -> int:
        """Fork a process that calls `run`, and returns its pid: it is a child of this one.

        The process ends when `run` returns. `directory` is a descriptor of the kernel's directory,
        which its account comes to own. Raises OSError, whose text contains none of the kernel's
        secrets; call `ended` then as well.
        """

    def enter(self, start: StartCommand, secrets: Secrets) -> KernelEnvironment:
        """Confine the new process, before it has threads; raises OSError.

        Binds the kernel's sockets before their directory becomes inaccessible, unless its program
        is going to bind them. `start.proxy` is for levels where each kernel has a network namespace
        of its own.
        """

    def ended(self, kernel_id: int) -> None:
        """Release what a kernel had that has ended, or was never forked. Harmless if repeated."""


def fork(run: Callable[[], object]) -> int:
    """Fork a process of this one's kind, as `Level.fork`. Raises OSError."""
    pid = os.fork()
    if pid == 0:
        try:
            run()
        finally:
            os._exit(1)
    return pid


def own_environment(directory: str, bound: Listeners) -> KernelEnvironment:
    """The environment of a kernel that sees its directory where the server does."""
    return KernelEnvironment(
        work=f"{directory}/work",
        temporary=f"{directory}/tmp",
        sockets=f"{directory}/ipc",
        listeners=bound,
    )
