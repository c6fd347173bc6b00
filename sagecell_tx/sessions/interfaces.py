"""The interfaces between sessions and the hosts, stores and transports around them.

`sagecell_tx.testing` has in-memory implementations; the tests hold those and the real ones to
the same promises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from signal import Signals
from typing import Protocol, runtime_checkable

from attrs import field, frozen
from twisted.internet.defer import Deferred
from typing_extensions import override

from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.wire.messages import Message

#: The name of the machine where the server runs.
LOCAL = "local"

#: The latest time of a file, in seconds since the epoch, the end of the year 9999: `datetime` has none later.
LATEST = 253_402_300_799


class StartFailed(Exception):
    """The kernel did not start; the text is a sentence for the user."""


class SessionEnded(StartFailed):
    """The kernel did not start because its session ended, by no failure; the text is a sentence for the user."""


class StoreUnavailable(Exception):
    """The store cannot do what was requested; the text is a sentence for the user."""


class StoreAway(StoreUnavailable):
    """The store did not answer, and may answer later; the text is a sentence for the user.

    What was requested may have been done all the same.
    """


class StoreFull(StoreUnavailable):
    """The store has no room left; the text is a sentence for the user."""


class FileRefused(Exception):
    """A file was not accepted; the text is a sentence for the user."""


class PermalinkRefused(Exception):
    """A run's program that is not stored. `code` is for programs, the text a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@frozen(kw_only=True)
class Exit:
    """How a kernel's process ended: an exit status or a signal number, or neither.

    With neither, the end was not observed: the fork server or the machine is gone. When the host
    itself ended the kernel for a limit, `reason` is the code of that limit.
    """

    status: int | None = None
    signal: int | None = None
    reason: str | None = None

    @override
    def __str__(self) -> str:
        """For the log, after "ended": ``with status 1``, or ``by SIGKILL (memory)``."""
        if self.signal is not None:
            known = self.signal in set(Signals)
            how = f"by {Signals(self.signal).name if known else f'signal {self.signal}'}"
        else:
            how = "unobserved" if self.status is None else f"with status {self.status}"
        return how if self.reason is None else f"{how} ({self.reason})"


class KernelObserver(Protocol):
    """Receives a kernel's messages, and the notice of its end."""

    @property
    def kernel_id(self) -> str:
        """The kernel's name in the log: the id of its session, once it has one.

        It changes when a ready kernel is handed out, so a host reads it for each line.
        """

    def message_received(self, message: Message) -> None:
        """The kernel sent `message` on its channel; the signature is valid.

        `slice_over` follows, in the same turn of the reactor: after this message, or after several.
        """

    def slice_over(self) -> None:
        """The messages that were read at once have been passed on. Harmless without any."""

    def heartbeat_missed(self) -> None:
        """The kernel has not answered heartbeats for as long as the limit allows."""

    def limit_near(self, reason: str, seconds: float) -> None:
        """The host will end the kernel for `reason` when it has used `seconds` more."""

    def kernel_ended(self, how: Exit) -> None:
        """The kernel's process tree and directory are gone. Called once, after everything else."""


class Kernel(Protocol):
    """One running kernel, as its session sees it."""

    @property
    def alive(self) -> bool:
        """Whether its process exists, as far as the host knows.

        `KernelObserver.kernel_ended` is called later, after the kernel's last messages.
        """

    @property
    def machine(self) -> str:
        """The name of the machine where it runs; `LOCAL` for that of the server."""

    @property
    def unread(self) -> int:
        """About the bytes of messages that were sent and wait, since the kernel has not read them."""

    def send(self, message: Message) -> None:
        """Send `message` on its channel, signed. Never blocks; does nothing after the end."""

    def pause(self) -> None:
        """Stop reading what the kernel publishes; the kernel soon blocks."""

    def resume(self) -> None:
        """Read again what the kernel publishes."""

    def interrupt(self) -> None:
        """Interrupt what the kernel runs: by SIGINT to its process group, unless its kind wants a message."""

    def kill(self) -> None:
        """Send SIGKILL to the kernel's process tree; `KernelObserver.kernel_ended` follows."""


class Host(Protocol):
    """A place where kernels run."""

    def start(
        self, spec: KernelSpec, observer: KernelObserver, *, ahead: bool = False
    ) -> Deferred[Kernel]:
        """Start a kernel of the kind `spec`.

        Fires with the kernel once a message was received from its iopub channel, so that no later
        one is lost. Fails with `StartFailed`. Cancelling kills what was started.
        `kernel_ended` is called exactly once for each `start`, also after a failure or a
        cancellation, when everything that was started is gone.

        With `ahead`, nobody waits for it yet: its start may take longer, if its first cell is
        faster for it.

        Raises `ValueError` for a kind that the host does not have. A host that raises has started
        nothing, and does not call `kernel_ended`.
        """


@frozen(kw_only=True)
class HostStatus:
    """The state of a host, for operators.

    `starting` is true until kernels can be started at once; until then `environment` may be empty,
    and after it is what programs find: "python" or "sage". `languages` are those of cells that run here,
    as options name them, and `versions` those of "python" and "sage"; both are empty until the host
    has told. `sandbox` is the level of confinement of its kernels, `features` what else confines them;
    `unbounded` has the kinds of their memory that nothing bounds. `rejected` counts the messages
    from kernels that were dropped, by reason code.
    """

    sandbox: str
    environment: str = ""
    languages: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(factory=dict)
    starting: bool = False
    features: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ()
    rejected: Mapping[str, int] = field(factory=dict)


@frozen(kw_only=True)
class Usage:
    """What a kernel's processes use: seconds of processor time, and bytes of memory.

    Pages that several processes share count for each of them.
    """

    cpu_seconds: float
    memory_bytes: int


@runtime_checkable
class MeasuringHost(Protocol):
    """A host that knows what its kernels use."""

    def usages(self) -> Deferred[dict[str, Usage]]:
        """Fires with what each kernel uses, by `KernelObserver.kernel_id`, as far as that is known."""


@frozen(kw_only=True)
class KernelMachine:
    """A machine that runs kernels, as an operator sees it. None: not known."""

    name: str
    state: str  # up; connecting, starting; weak: confined less than the settings ask for
    kernels: int
    load: float | None = None  # processes that run or wait to run, in the mean of the last minute
    memory_available_bytes: int | None = None


@runtime_checkable
class ManyMachines(Protocol):
    """A host whose kernels are on other machines."""

    def seen_machines(self) -> list[KernelMachine]:
        """All machines that are known, whether they are up or not."""


class HostService(Host, Protocol):
    """A host as a service of the server, which claims, starts and stops it."""

    @property
    def status(self) -> HostStatus:
        """The present confinement of kernels, and the messages dropped so far."""

    def claim(self) -> None:
        """Reserve what two servers cannot share, before anything else is changed.

        Raises ``ConfigError`` if another server has it. May be repeated.
        """

    def startService(self) -> None:  # noqa: N802
        """Begin to prepare for starting kernels. Raises ``ConfigError``."""

    def when_up(self) -> Deferred[None]:
        """Fires when kernels can be started."""

    def hurry(self) -> None:
        """Bound the time for cleaning up, since the server is about to stop."""

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """End all kernels; fires when no process of the host is left."""


class Listener(Protocol):
    """A client's transport, which reads a kernel's messages at its own pace."""

    def wake(self) -> None:
        """There is something to read, and the last read found nothing."""

    def close(self, reason: str) -> None:
        """There will be no more messages; `reason` is the code for why."""


@frozen(kw_only=True)
class Permalink:
    """A program that can be requested again, with the state of its interacts as JSON text."""

    code: str
    language: str = "sage"
    interacts: str = "[]"


class CellStore(Protocol):
    """A store of permalinks."""

    def save(self, permalink: Permalink) -> Deferred[str]:
        """Store a permalink. Fires with its id, the same one for the same program."""

    def find(self, ident: str) -> Deferred[Permalink | None]:
        """Fires with the permalink, or None when there is no such id, or it has expired.

        A permalink of a run stays from now on; see `RunPermalinkStore`.
        """

    def keep(self, ident: str) -> Deferred[bool]:
        """Let a permalink of a run stay. Fires with whether there is one of that id."""


class RunPermalinkStore(Protocol):
    """A store of the permalinks of runs: of programs that a client asked to store when it ran them.

    A `CellStore` finds them as well. They expire, unless they were opened or shared before.
    """

    def save(self, permalink: Permalink, client: str) -> Deferred[str]:
        """Store a permalink for the client of that name, which itself is not stored.

        Fires with its id, which is random; as a rule the same one for the same client's same program.
        """

    def sweep(self, before: float) -> Deferred[int]:
        """Delete the permalinks whose programs were last run before this time; fires with how many."""


@frozen(kw_only=True)
class StoredFile:
    """A file that a kernel made. `mtime` is in seconds since the epoch."""

    kernel_id: str
    name: str
    size: int
    digest: str  # SHA-256, hexadecimal
    mtime: float


class Upload(Protocol):
    """A file that is being stored; it is either committed or abandoned."""

    def write(self, data: bytes) -> Deferred[None]:
        """Append `data`, after the previous write has fired."""

    def commit(self) -> Deferred[StoredFile]:
        """Finish the file, which replaces an older one of that name. Fires with its metadata."""

    def abandon(self) -> Deferred[None]:
        """Discard what was written. A committed file stays."""


#: See `FileStore.upload`.
OnLost = Callable[[str], None]


def tell_nobody(_: str) -> None:
    """The `OnLost` of those whom nobody listens to."""


class FileStore(Protocol):
    """A store of files that kernels made; the files outlive their kernels."""

    def upload(
        self, kernel_id: str, name: str, mtime: float, on_lost: OnLost = tell_nobody
    ) -> Upload:
        """Begin to store a file. `name` has passed `clean_name`.

        `on_lost` is called, with a sentence for the user, if a file that was committed is lost since
        the store was away for too long.
        """

    def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
        """Fires with a file's metadata, or None if there is no such file."""

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        """Fires with at most `length` bytes from `offset`; with ``b""`` at or past the end.

        May fire with fewer bytes than asked for before the end, but then at least one.
        """

    def sweep(self, before: float) -> Deferred[int]:
        """Delete the files stored before a time in seconds since the epoch; fires with how many."""
