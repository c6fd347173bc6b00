"""Kernels in memory: a host without processes, for tests of code that uses a host.

A `MemoryHost` starts a `MemoryKernel` at once, or when the test says so. The test acts for
the kernel (`publish`, `reply`, `end`), or lets an ``answering`` one run the small language of
`sagecell_tx.testing.runs`.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from sagecell_tx.sessions.interfaces import (
    LOCAL,
    Exit,
    HostStatus,
    Kernel,
    KernelObserver,
    StartFailed,
    Usage,
)
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.testing.runs import Run
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, Message, originate

#: The date of every message from a kernel in memory.
DATE = "2026-01-01T00:00:00+00:00"

KILLED = Exit(signal=int(signal.SIGKILL))

_KERNEL_INFO = {
    "status": "ok",
    "protocol_version": "5.3",
    "implementation": "memory",
    "implementation_version": "1",
    "language_info": {"name": "python", "version": "3", "mimetype": "", "file_extension": ".py"},
    "banner": "",
    "help_links": [],
}


@define(kw_only=True)
class MemoryHost:
    """Starts kernels in memory, of any kind; implements `HostService`.

    `kernels` has one for each start, the latest last. `prompt` to `lingering` apply to later
    starts: with `prompt` they succeed at once, otherwise the test calls `come_up` or `fail`;
    `broken` is an exception that they raise. For `answering`, `stubborn` and `lingering` see
    `MemoryKernel`. `environment` to `rejected` are for the status.
    """

    prompt: bool = True
    broken: Exception | None = None
    answering: bool = False
    stubborn: bool = False
    lingering: bool = False
    environment: str = "python"
    languages: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(factory=dict)
    features: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ()
    starting: bool = False
    rejected: Counter[str] = field(factory=Counter, init=False)
    kernels: list[MemoryKernel] = field(factory=list, init=False)
    used: dict[str, Usage] = field(factory=dict, init=False)  # by kernel id, as the test says

    @property
    def latest(self) -> MemoryKernel:
        """The kernel of the latest start."""
        return self.kernels[-1]

    @property
    def alive(self) -> list[MemoryKernel]:
        """The kernels that are not gone, whether they came up or not."""
        return [kernel for kernel in self.kernels if not kernel.gone]

    def start(
        self, spec: KernelSpec, observer: KernelObserver, *, ahead: bool = False
    ) -> Deferred[Kernel]:
        """See `Host.start`."""
        if self.broken is not None:
            raise self.broken
        kernel = MemoryKernel(
            kernel_id=observer.kernel_id,
            spec=spec,
            observer=observer,
            ahead=ahead,
            answering=self.answering,
            stubborn=self.stubborn,
            lingering=self.lingering,
        )
        self.kernels.append(kernel)
        if self.prompt:
            kernel.come_up()
        return kernel.coming

    @property
    def status(self) -> HostStatus:
        """See `HostService.status`. Nothing confines these kernels."""
        return HostStatus(
            sandbox="none",
            environment=self.environment,
            languages=self.languages,
            versions=self.versions,
            features=self.features,
            unbounded=self.unbounded,
            starting=self.starting,
            rejected=dict(self.rejected),
        )

    def usages(self) -> Deferred[dict[str, Usage]]:
        """See `MeasuringHost.usages`."""
        return succeed(dict(self.used))

    def claim(self) -> None:
        """See `HostService.claim`. There is nothing to claim."""

    def startService(self) -> None:  # noqa: N802
        """See `HostService.startService`. Kernels can be started before as well."""

    def when_up(self) -> Deferred[None]:
        """See `HostService.when_up`. Fires at once."""
        return succeed(None)

    def hurry(self) -> None:
        """See `HostService.hurry`. There is nothing to remove."""

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """See `HostService.stopService`. Fires at once."""
        for kernel in self.alive:
            kernel.kill()
        return succeed(None)


@define(kw_only=True, eq=False)
class MemoryKernel:
    """A kernel in memory that the test controls; implements `Kernel`.

    `kernel_id` is what its observer called it when it was started. An `answering` one replies to
    requests by itself. A `stubborn` one ignores a shutdown_request. A `lingering` one that is shut
    down, killed or cancelled while starting is `going`, and ends only when the test calls `end`.
    """

    kernel_id: str
    spec: KernelSpec
    observer: KernelObserver
    ahead: bool = False  # see `Host.start`
    answering: bool = False
    stubborn: bool = False
    lingering: bool = False
    coming: Deferred[Kernel] = field(init=False)
    sent: list[Message] = field(factory=list, init=False)  # everything, the latest last
    unread: int = field(default=0, init=False)  # as the test says
    machine: str = field(default=LOCAL, init=False)  # the same
    paused: bool = field(default=False, init=False)
    interrupts: int = field(default=0, init=False)
    killed: bool = field(default=False, init=False)
    going: bool = field(default=False, init=False)
    how: Exit | None = field(default=None, init=False)  # how it ended
    files: dict[str, bytes] = field(factory=dict, init=False)  # that clients sent, if it answers
    gone: bool = field(default=False, init=False)  # the observer was notified
    _held: list[Message] = field(factory=list, init=False)
    _said: int = field(default=0, init=False)
    _slicing: bool = field(default=False, init=False)  # the present slice goes on
    hanging: list[Run] = field(factory=list, init=False)  # until the next interrupt
    holding: list[Run] = field(factory=list, init=False)  # until the next call of `interrupt`

    def __attrs_post_init__(self) -> None:
        self.coming = Deferred(self._give_up)

    # --- Kernel

    @property
    def alive(self) -> bool:
        """See `Kernel.alive`."""
        return self.how is None

    def send(self, message: Message) -> None:
        """See `Kernel.send`."""
        if self.how is not None:
            return
        self.sent.append(message)
        if message.channel == CONTROL and message.msg_type == "shutdown_request":
            if not self.stubborn:
                self.reply(message, {"status": "ok", "restart": False})
                self._end(Exit(status=0))
        elif self.answering:
            self._answer(message)

    def pause(self) -> None:
        """See `Kernel.pause`. What is published from now on is held back until `resume`."""
        self.paused = True

    def resume(self) -> None:
        """See `Kernel.resume`."""
        self.paused = False
        if self._held:
            while self._held and not self.paused:
                self.observer.message_received(self._held.pop(0))
            self._slice_over()
        self._ended()

    def interrupt(self) -> None:
        """See `Kernel.interrupt`. An answering kernel's code stops with KeyboardInterrupt."""
        self.interrupts += 1
        for runs in (self.holding, self.hanging):
            while runs:
                runs.pop(0).interrupted()

    def kill(self) -> None:
        """See `Kernel.kill`."""
        if self.how is None:
            self.killed = True
            self._end(KILLED)

    # --- for the test

    def come_up(self) -> None:
        """Let the start succeed."""
        self.coming.callback(self)

    def fail(self, sentence: str = "No kernel came up.") -> None:
        """Let the start fail, and the kernel end (a lingering one only after `end`)."""
        self.coming.errback(StartFailed(sentence))
        self._end(Exit(status=1))

    def publish(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        parent: Message | None = None,
        *,
        channel: str = IOPUB,
        buffers: tuple[bytes, ...] = (),
    ) -> Message:
        """Deliver a new message with the parent `parent`; returns the message."""
        message = self.originate(msg_type, content, parent, channel=channel, buffers=buffers)
        self.deliver(message)
        return message

    def originate(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        parent: Message | None = None,
        *,
        channel: str = IOPUB,
        buffers: tuple[bytes, ...] = (),
    ) -> Message:
        """The message that `publish` would deliver, for the test to change and deliver."""
        self._said += 1
        message = originate(
            channel,
            msg_type,
            content or {},
            session=self.kernel_id,
            msg_id=f"{self.kernel_id}_{self._said}",
            date=DATE,
            parent_header=b"{}" if parent is None else parent.header,
        )
        return attrs.evolve(message, buffers=buffers)

    def deliver(self, message: Message) -> None:
        """Pass `message` to the observer as a slice; those on iopub are held back while paused."""
        if self.how is not None:
            return
        if message.channel == IOPUB and (self.paused or self._held):
            self._held.append(message)
        else:
            self.observer.message_received(message)
            self._slice_over()

    @contextmanager
    def one_slice(self) -> Iterator[None]:
        """All that is delivered meanwhile is one slice."""
        self._slicing = True
        try:
            yield
        finally:
            self._slicing = False
            self.observer.slice_over()

    def _slice_over(self) -> None:
        if not self._slicing:
            self.observer.slice_over()

    def status(self, state: str, parent: Message | None = None) -> Message:
        """Publish that the kernel is `busy`, `idle` or `starting`."""
        return self.publish("status", {"execution_state": state}, parent)

    def stream(self, text: str, parent: Message | None = None, name: str = "stdout") -> Message:
        """Publish `text` on a stream."""
        return self.publish("stream", {"name": name, "text": text}, parent)

    def reply(self, request: Message, content: dict[str, Any] | None = None) -> Message:
        """Answer `request` on its channel."""
        kind = f"{request.msg_type.removesuffix('_request')}_reply"
        return self.publish(kind, content or {"status": "ok"}, request, channel=request.channel)

    def finish(self, request: Message, content: dict[str, Any] | None = None) -> None:
        """Answer `request` and be idle again."""
        self.reply(request, content)
        self.status("idle", request)

    def miss_heartbeats(self) -> None:
        """Report to the observer that heartbeats were missed."""
        self.observer.heartbeat_missed()

    def limit_near(self, reason: str, seconds: float) -> None:
        """Report to the observer that a limit is near."""
        self.observer.limit_near(reason, seconds)

    def end(self, how: Exit = KILLED) -> None:
        """End. The observer is notified after the last message; if paused, after `resume`."""
        if self.how is None:
            self.how = how
            self._ended()

    def forget_last_words(self) -> None:
        """Drop the messages that were held back, as a host that no longer waits for `resume`."""
        self._held.clear()
        self.paused = False
        self._ended()

    def _end(self, how: Exit) -> None:
        self.going = True
        if not self.lingering:
            self.end(how)

    def _ended(self) -> None:
        if self.how is not None and not self.gone and not self.paused and not self._held:
            self.gone = True
            self.observer.kernel_ended(self.how)

    def _give_up(self, _: Deferred[Kernel]) -> None:
        self.kill()

    # --- answering

    def _answer(self, message: Message) -> None:
        if message.channel == SHELL:
            self.status("busy", message)
            if message.msg_type == "execute_request":
                Run(self, message).run()
            elif message.msg_type == "kernel_info_request":
                self.finish(message, _KERNEL_INFO)
            elif message.msg_type == "sagecell.write_files_request":
                names = message.parsed_content()["names"]
                self.files |= dict(zip(names, message.buffers, strict=True))
                self.finish(message)
            else:
                self.status("idle", message)
        elif message.msg_type == "interrupt_request" and not self.holding:
            self.interrupt()
            self.reply(message)
