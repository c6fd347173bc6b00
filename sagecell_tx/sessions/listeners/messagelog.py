"""What a kernel said, numbered and bounded, until everybody who listens has read it.

Each listener has a cursor and takes at its own pace. What all have taken is dropped; what
nobody has taken waits for the next who comes. When more waits than the bound allows, the
log is full, and whoever fills it has to stop the kernel from saying more: nothing is
ever dropped here.

A resumable cursor is for a client that may lose its connection. What it has taken waits on
until the client says that it arrived, and can be taken again, the same under the same number.

Stream messages that wait behind one another are joined into one, as a terminal would, unless
somebody was told the first already.
"""

from __future__ import annotations

from collections import deque

from attrs import define, evolve, field

from sagecell_tx.wire.messages import Message, WireError, dump, parse_object

#: Streams are joined up to this many bytes, so that one taking stays small.
JOINED = 64 * 1024

#: Strings, brackets and commas in such a message's content; see `wire/jsonbounds.py`.
STREAM = 7


class MessagesGone(Exception):
    """Some of what comes after a number is no longer kept."""


class NotPublished(Exception):
    """Nothing has that number yet."""


@define
class Entry:
    """A numbered message; `more` is the text of the stream messages joined to it."""

    number: int
    message: Message
    size: int
    more: list[str] = field(factory=list)

    def join(self, later: Message) -> bool:
        """Take `later` in, if both are the same stream of the same request."""
        earlier = self.message
        if (
            later.msg_type != "stream"
            or earlier.msg_type != "stream"
            or later.parent_header != earlier.parent_header
            or later.metadata != earlier.metadata
            or later.channel != earlier.channel
            or later.buffers
            or earlier.buffers
            or self.size + len(later.content) > JOINED
        ):
            return False
        if not self.more:
            name_and_text = _stream(earlier)
            if name_and_text is None:
                return False
            self.more.extend(name_and_text)
        addition = _stream(later)
        if addition is None or addition[0] != self.more[0]:
            return False
        self.more.append(addition[1])
        self.size += len(later.content)
        return True

    def joined(self) -> Message:
        """The message as it is to be told."""
        if len(self.more) < 3:
            return self.message
        name, *texts = self.more
        return evolve(self.message, content=dump({"name": name, "text": "".join(texts)}))


def _stream(message: Message) -> tuple[str, str] | None:
    """The name and the text of a stream message; None when it has another shape."""
    try:
        content = parse_object(message.content, STREAM)
    except WireError:
        return None
    name, text = content.get("name"), content.get("text")
    if len(content) == 2 and isinstance(name, str) and isinstance(text, str):
        return name, text
    return None


@define(eq=False)
class Cursor:
    """One listener's position: the number of the next message that it reads.

    A `resumable` one may go back as far as `kept`, which moves when the client says that what
    came before it has arrived.
    """

    position: int
    resumable: bool = False
    kept: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.kept = self.position


@define
class MessageLog:
    """A log of messages, bounded to about `bound` bytes by whoever heeds `full`.

    Numbers begin with 1, and no number is left out.
    """

    bound: int
    _entries: deque[Entry] = field(factory=deque, init=False)
    _cursors: list[Cursor] = field(factory=list, init=False)
    _next: int = field(default=1, init=False)
    _passed: int = field(default=0, init=False)  # the last number before anybody's place
    size: int = field(default=0, init=False)  # bytes

    @property
    def full(self) -> bool:
        """More waits than should."""
        return self.size >= self.bound

    @property
    def drained(self) -> bool:
        """So little waits that more is welcome."""
        return self.size <= self.bound // 2

    def append(self, message: Message) -> None:
        """The kernel said `message`."""
        last = self._entries[-1] if self._entries else None
        if last is not None and last.number > self._passed and last.join(message):
            self.size += len(message.content)
            return
        entry = Entry(self._next, message, message.size)
        self._entries.append(entry)
        self._next += 1
        self.size += entry.size

    def open(self, *, resumable: bool = False) -> Cursor:
        """A cursor for a new listener.

        If there is no other, it begins with what the last there was had not taken, or not
        acknowledged; otherwise with what is said from now on.
        """
        position = self._next if self._cursors or not self._entries else self._entries[0].number
        cursor = Cursor(position, resumable)
        self._cursors.append(cursor)
        self._pass(cursor)
        return cursor

    def read(self, cursor: Cursor, room: int) -> list[Message]:
        """The next messages for this cursor: at least one if there is any, up to `room` bytes."""
        taken: list[Message] = []
        if not self._entries or cursor.position >= self._next:
            return taken
        first = self._entries[0].number
        while cursor.position < self._next and (room > 0 or not taken):
            entry = self._entries[cursor.position - first]
            cursor.position += 1
            room -= entry.size
            taken.append(entry.joined())
        self._pass(cursor)
        if not cursor.resumable:
            cursor.kept = cursor.position
            self._trim()
        return taken

    def check(self, number: int) -> None:
        """Whether one could go on after `number`; raises `MessagesGone` or `NotPublished` if not."""
        if number >= self._next:
            raise NotPublished
        if number + 1 < (self._entries[0].number if self._entries else self._next):
            raise MessagesGone

    def seek(self, cursor: Cursor, number: int) -> None:
        """What came up to `number` has arrived; what follows is taken next, again if need be.

        Raises `MessagesGone` or `NotPublished`.
        """
        self.check(number)
        cursor.position = cursor.kept = number + 1
        self._pass(cursor)
        self._trim()

    def acknowledge(self, cursor: Cursor, number: int) -> None:
        """What came up to `number` has arrived; raises `NotPublished`."""
        if number >= self._next:
            raise NotPublished
        cursor.kept = max(cursor.kept, number + 1)
        cursor.position = max(cursor.position, cursor.kept)
        self._pass(cursor)
        self._trim()

    def has_unread(self, cursor: Cursor) -> bool:
        """Something waits for this cursor."""
        return cursor.position < self._next

    def keeps(self, cursor: Cursor) -> bool:
        """Because of this cursor alone the log would not be drained."""
        kept = sum(entry.size for entry in self._entries if entry.number >= cursor.kept)
        return kept > self.bound // 2

    def close(self, cursor: Cursor) -> None:
        """The listener is gone.

        What it alone had not taken waits on if it was the last one, for its return.
        """
        self._cursors.remove(cursor)
        if self._cursors:
            self._trim()

    def _pass(self, cursor: Cursor) -> None:
        """What is before this place stays as it is: whoever is there hears no more of it."""
        self._passed = max(self._passed, cursor.position - 1)

    def abridge(self) -> None:
        """Keep only the last message, which says how it ended: nobody comes for all of it."""
        while len(self._entries) > 1:
            self.size -= self._entries.popleft().size

    def _trim(self) -> None:
        """Drop what everybody has taken, and need not have again."""
        slowest = min(cursor.kept for cursor in self._cursors)
        while self._entries and self._entries[0].number < slowest:
            self.size -= self._entries.popleft().size
