"""The seams between policy and the world: what hosts, stores and transports promise.

Everything here is a plain noun and a `typing.Protocol`; `sagecell_tx.testing` has an
implementation of each that lives in memory, and one contract suite runs on both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred

from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.wire.messages import Message


class StartFailed(Exception):
    """No kernel came up; the text is a sentence for the user."""


class StoreUnavailable(Exception):
    """The database did not answer as it should; the text is a sentence for the user."""


class StoreFull(StoreUnavailable):
    """There is no room to store anything; the text is a sentence for the user."""


class FileRefused(Exception):
    """A file that is not taken; the text is a sentence for the user."""


@frozen(kw_only=True)
class Exit:
    """How a kernel's process ended: an exit status or a signal number, or neither.

    With neither, nobody saw it end: its fork server or its machine is gone. When the host
    itself ended the kernel for a limit, `reason` is the word for that limit.
    """

    status: int | None = None
    signal: int | None = None
    reason: str | None = None


class KernelObserver(Protocol):
    """Who is told what a kernel says and that it ended."""

    @property
    def kernel_id(self) -> str:
        """What the kernel is called in the log: the id of its session, once it has one.

        It changes when a kernel that was kept ready is handed out, so a host reads it each time.
        """

    def message_received(self, message: Message) -> None:
        """The kernel said `message` on its channel; its signature was right."""

    def heartbeat_missed(self) -> None:
        """The kernel has been silent on its heartbeat channel for as long as the limit allows."""

    def limit_near(self, reason: str, seconds: float) -> None:
        """The host will end the kernel for `reason` when it has taken so many seconds more."""

    def kernel_ended(self, how: Exit) -> None:
        """The kernel's process tree and directory are gone. Said once, and last."""


class Kernel(Protocol):
    """One running kernel, as its session sees it."""

    @property
    def alive(self) -> bool:
        """Whether its process is there, as far as the host knows.

        `KernelObserver.kernel_ended` is called later: its last words are heard before.
        """

    def send(self, message: Message) -> None:
        """Send `message` on its channel, signed. Never blocks; nothing happens after the end."""

    def pause(self) -> None:
        """Stop reading what the kernel publishes; before long, the kernel waits."""

    def resume(self) -> None:
        """Read on."""

    def interrupt(self) -> None:
        """SIGINT to the kernel's process group."""

    def kill(self) -> None:
        """SIGKILL to the kernel's process tree; `KernelObserver.kernel_ended` follows."""


class Host(Protocol):
    """A place where kernels run."""

    def start(self, spec: KernelSpec, observer: KernelObserver) -> Deferred[Kernel]:
        """Start a kernel of the kind `spec`.

        Fires with the kernel once a subscription to what it publishes is proven, so that
        nothing it says from then on is lost. Fails with `StartFailed`. `kernel_ended` is
        called exactly once for each `start`, also after a failure or a cancellation, when
        everything that was begun is gone again. Cancelling kills what was begun.

        Raises `ValueError` for a kind that the host does not have. A host that raises has begun
        nothing, and `kernel_ended` is not called.
        """


@frozen(kw_only=True)
class HostStatus:
    """What operators are told of a host.

    `sandbox` is the level of confinement of its kernels, `features` what else confines them;
    `unbounded` has the kinds of memory of theirs that nothing bounds. `rejected` counts the
    messages of kernels that were dropped, by the word for the reason.
    """

    sandbox: str
    features: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ()
    rejected: Mapping[str, int] = field(factory=dict)


class HostService(Host, Protocol):
    """A host as the server has it: claimed, started, asked for its status, and stopped."""

    @property
    def status(self) -> HostStatus:
        """How kernels are confined at present, and what was dropped so far."""

    def claim(self) -> None:
        """Have for this server alone what no two can share, before anything else is changed.

        Raises ``ConfigError`` if another server has it. Harmless if repeated.
        """

    def startService(self) -> None:  # noqa: N802
        """Begin to bring up what starts kernels. Raises ``ConfigError``."""

    def when_up(self) -> Deferred[None]:
        """Fires when kernels can be had."""

    def hurry(self) -> None:
        """The server is to stop: what is still to be removed has a bounded time."""

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """End every kernel that is left; fires when no process of the host is left."""


class Listener(Protocol):
    """A client's transport that takes what a kernel says, at its own pace."""

    def wake(self) -> None:
        """There is something to take, and the last take had found nothing."""

    def close(self, reason: str) -> None:
        """The session has nothing more to say; `reason` is the word for why."""


@frozen(kw_only=True)
class Permalink:
    """A program that can be asked for again: `interacts` is the JSON text of its state."""

    code: str
    language: str = "sage"
    interacts: str = "[]"


class CellStore(Protocol):
    """Where permalinks are kept."""

    def save(self, permalink: Permalink) -> Deferred[str]:
        """Fires with the permalink's id, the same one for the same program."""

    def find(self, ident: str) -> Deferred[Permalink | None]:
        """Fires with the permalink, or None when there is no such id."""


@frozen(kw_only=True)
class StoredFile:
    """A file that a kernel made. `mtime` is in seconds since the epoch."""

    kernel_id: str
    name: str
    size: int
    digest: str  # SHA-256, hexadecimal
    mtime: float


class Upload(Protocol):
    """A file on its way into the store; either committed or abandoned."""

    def write(self, data: bytes) -> Deferred[None]:
        """Append `data`. One write at a time."""

    def commit(self) -> Deferred[StoredFile]:
        """The file is whole: from now on it is found, in place of an older one of that name."""

    def abandon(self) -> Deferred[None]:
        """Forget what was written. Harmless after a commit."""


class FileStore(Protocol):
    """Where the files that kernels made outlive them."""

    def upload(self, kernel_id: str, name: str, mtime: float) -> Upload:
        """Begin to store a file. `name` is one that `clean_name` returned."""

    def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
        """Fires with what is known of a file, or None."""

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        """Fires with at most `length` bytes from `offset`; with ``b""`` at or past the end.

        May fire with fewer bytes than asked for before the end, but then at least one.
        """

    def sweep(self, before: float) -> Deferred[int]:
        """Delete the files stored before this time; fires with how many."""
