"""A bridge between one kernel in memory and its listeners, for tests."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sagecell_tx.limits import LifetimeLimits, Limits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.lifecycle.bridge import Bridge
from sagecell_tx.sessions.lifecycle.idletimeout import IdleTimeout
from sagecell_tx.sessions.lifecycle.runpermalinks import RunPermalinks
from sagecell_tx.sessions.lifecycle.uploads import Uploads
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import Message

from .samples import KERNEL_ID, said
from .slowstore import SlowRunPermalinkStore, SlowStore

LIMITS = Limits(
    messages=MessageLimits(message_log_bytes=4000, output_bytes=5000, stalled_seconds=60),
    lifetime=LifetimeLimits(idle_seconds=900),
)


@define
class RecordedActivity:
    """A life that records its inputs from the bridge. `over` fires at the kernel's end."""

    told: list[str] = field(factory=list)
    timeouts: list[float] = field(factory=list)
    over: Deferred[None] = field(factory=Deferred)

    def begin(self) -> None:
        raise AssertionError

    def started(self) -> None:
        raise AssertionError

    def listener_came(self) -> None:
        self.told.append("listener_came")

    def listeners_left(self) -> None:
        self.told.append("listeners_left")

    def work_began(self) -> None:
        self.told.append("work_began")

    def work_finished(self) -> None:
        self.told.append("work_finished")

    def restart(self) -> None:
        raise AssertionError

    def stop(self, reason: Reason) -> None:
        self.told.append(f"stop: {reason.value}")

    def grace_over(self) -> None:
        raise AssertionError

    def ended(self, how: Exit) -> None:
        self.over.callback(None)


@define(kw_only=True)
class RecordedTimeout(IdleTimeout):
    """An idle timeout that records when it takes effect, and what it is changed to."""

    activity: RecordedActivity

    def take_effect(self) -> None:
        super().take_effect()
        self.activity.told.append("execution_finished")

    def change(self, seconds: float) -> None:
        super().change(seconds)
        self.activity.timeouts.append(self.seconds)


@define
class BridgeWorld:
    """A bridge between one kernel in memory and its listeners."""

    limits: Limits = LIMITS
    answering: bool = False
    clock: Clock = field(factory=Clock, init=False)
    activity: RecordedActivity = field(factory=RecordedActivity, init=False)
    store: SlowStore = field(factory=SlowStore, init=False)
    permalinks: SlowRunPermalinkStore = field(factory=SlowRunPermalinkStore, init=False)
    bridge: Bridge = field(init=False)
    kernel: MemoryKernel = field(init=False)
    ended: Deferred[None] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        def refuse(sentence: str, parent_header: bytes) -> None:
            self.bridge.publish("stream", {"name": "stderr", "text": sentence}, parent_header)

        def say(msg_type: str, content: dict[str, Any], parent_header: bytes) -> Message:
            return attrs.evolve(said(msg_type, content), parent_header=parent_header)

        self.bridge = Bridge(
            kernel_id=KERNEL_ID,
            clock=self.clock,
            lifetime=self.limits.lifetime,
            messages=self.limits.messages,
            uploads=Uploads(
                kernel_id=KERNEL_ID, store=self.store, limits=self.limits.files, refuse=refuse
            ),
            permalinks=RunPermalinks(clock=self.clock, store=self.permalinks, client="one"),
            originate=say,
            life=self.activity,
            idle_timeout=RecordedTimeout(
                seconds=self.limits.lifetime.idle_seconds,
                limits=self.limits.lifetime,
                activity=self.activity,
            ),
        )
        host = MemoryHost(answering=self.answering)
        host.start(PYTHON, self)
        self.kernel = host.latest
        self.bridge.connect(self.kernel)

    # --- KernelObserver

    @property
    def kernel_id(self) -> str:
        return self.bridge.kernel_id

    def message_received(self, message: Message) -> None:
        self.bridge.message_received(message)

    def slice_over(self) -> None:
        self.bridge.slice_over()

    def heartbeat_missed(self) -> None:
        raise AssertionError

    def limit_near(self, reason: str, seconds: float) -> None:
        raise AssertionError

    def kernel_ended(self, how: Exit) -> None:
        self.ended = self.activity.over
        self.bridge.kernel_ended(how)

    # --- for the tests

    def listen(self, *, slow: bool = False) -> MemoryListener:
        return MemoryListener(slow).attach(self.bridge.audience.attach)

    def fill(self) -> list[Message]:
        """Publish so much that the kernel is paused."""
        messages = []
        while not self.kernel.paused:
            messages.append(self.show("x" * 500))
        return messages

    def show(self, text: str, parent: Message | None = None) -> Message:
        return self.kernel.publish("display_data", {"data": {"text/plain": text}}, parent)

    def file(self, data: bytes, parent: Message | None = None, **content: Any) -> None:
        whole = {"name": "a", "size": len(data), "mtime": 0, "offset": 0, "last": True}
        self.kernel.publish("sagecell_file", {**whole, **content}, parent, buffers=(data,))

    def stored(self) -> bytes | None:
        found: list[Any] = []
        self.store.find(KERNEL_ID, "a").addCallback(found.append)
        if found == [None]:
            return None
        self.store.read(found[0], 0, 10**6).addCallback(found.append)
        return bytes(found[1])
