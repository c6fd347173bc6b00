"""The levels of confinement: what each is called, and which there can be here.

``none`` for development, ``account`` with an account for each kernel, ``namespaces`` with
a system of its own for each. Every level is a `Level`; the fork server knows no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from sagecell_tx.kernelside.bootstrap import KernelBootstrap, Secrets
from sagecell_tx.kernelside.listeningsockets import Listeners
from sagecell_tx.kernelside.startcommand import StartCommand


class Unavailable(Exception):
    """A level that cannot be had here; the text is a sentence that says why."""


@frozen(kw_only=True)
class KernelEnvironment:
    """Directories of one kernel, as it sees them, and what its programs are told of the place.

    `work` is where cells run, `temporary` for what nobody keeps; `listeners` are bound, and
    nothing can be made any more in their directory; `variables` are for the environment.
    """

    work: str
    temporary: str
    listeners: Listeners
    variables: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Setting:
    """What all kernels of a fork server have in common, as paths outside of any sandbox.

    `kernels` has the directory of each kernel, `hidden` are directories that none may see,
    `accounts` the first of the user ids for kernels and how many there are.
    """

    kernels: str
    hidden: Sequence[str] = ()
    accounts: tuple[int, int] = (0, 0)


class Level(Protocol):
    """One way to confine kernels."""

    name: str
    features: Sequence[str]  # what is in force besides, by name
    unbounded: Sequence[str]  # memory that only a control group would bound, by kind

    def prepare(self) -> None:
        """Confine this process as far as all its kernels will be; raises `Unavailable`.

        Called once, when everything is imported.
        """

    def fork(self, start: StartCommand, bootstrap: KernelBootstrap) -> int:
        """As `os.fork`: the new process is a child of this one.

        Raises OSError, whose text says nothing of the kernel's secrets; `ended` gives back what
        was taken by then.
        """

    def enter(self, start: StartCommand, secrets: Secrets) -> KernelEnvironment:
        """In the new process, before it has threads: leave behind what it must not reach.

        The sockets are bound on the way, before their directory is out of reach.
        `start.proxy` is for levels where each kernel has a network of its own.
        """

    def ended(self, kernel_id: int) -> None:
        """Nothing is left of a kernel, or it was never born. Harmless if repeated."""


def own_environment(directory: str, bound: Listeners) -> KernelEnvironment:
    """The place of a kernel that sees the same files as everybody."""
    return KernelEnvironment(
        work=f"{directory}/work", temporary=f"{directory}/tmp", listeners=bound
    )
