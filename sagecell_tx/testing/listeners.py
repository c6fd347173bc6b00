"""A listener in memory, which reads at the pace that the test sets."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from sagecell_tx.sessions.interfaces import Listener
from sagecell_tx.sessions.listeners.audience import Attachment
from sagecell_tx.wire.messages import Message


@define(eq=False)
class MemoryListener:
    """Implements `Listener`. A `slow` one reads only when the test calls `read`.

    `room` is what it reads at a time, in bytes; `received` is everything it has read so far.
    `on_wake` is called instead of reading, `on_close` after the reason was recorded.
    """

    slow: bool = False
    room: int = 64 * 1024
    on_wake: Callable[[], None] | None = None
    on_close: Callable[[], None] | None = None
    received: list[Message] = field(factory=list, init=False)
    wakes: int = field(default=0, init=False)
    closed: list[str] = field(factory=list, init=False)  # the reasons; more than one is a bug
    attachment: Attachment = field(init=False)

    def attach(self, attach: Callable[[Listener], Attachment]) -> MemoryListener:
        """Attach by a session's or an audience's `attach`, and read what waits unless slow."""
        self.attachment = attach(self)
        if not self.slow:
            self.read_all()
        return self

    def read(self) -> list[Message]:
        """Read once."""
        messages = self.attachment.read(self.room)
        self.received += messages
        return messages

    def read_all(self) -> None:
        """Read until nothing is left."""
        while self.read():
            pass

    def wake(self) -> None:
        """See `Listener.wake`."""
        self.wakes += 1
        if self.on_wake is not None:
            self.on_wake()
        elif not self.slow:
            self.read_all()

    def close(self, reason: str) -> None:
        """See `Listener.close`."""
        self.closed.append(reason)
        if self.on_close is not None:
            self.on_close()

    @property
    def kinds(self) -> list[str]:
        """The types of the received messages, in order."""
        return [message.msg_type for message in self.received]

    @property
    def text(self) -> str:
        """The text of all received stream messages, joined."""
        streams = [message for message in self.received if message.msg_type == "stream"]
        return "".join(message.parsed_content()["text"] for message in streams)
