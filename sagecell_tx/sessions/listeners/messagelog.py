"""A kernel's messages, numbered, until every listener has read them.

Each listener has a cursor and reads at its own pace. Messages that all have read are dropped;
messages that nobody has read wait for the next listener. From its bound on, the log is full, and
its owner has to pause the kernel: the log drops no message to make room.

A resumable cursor is for a client that may lose its connection. Messages that it has read are
kept until the client acknowledges them, and can be read again under the same numbers.

A message that is not on iopub may have an addressee. An `addressed` cursor skips those of others; all
other cursors read everything.

Consecutive stream messages are joined into one, as in a terminal, unless the first has been
read already.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from attrs import define, evolve, field

from sagecell_tx.wire.messages import IOPUB, Message, WireError, dump, parse_object

#: Streams are joined up to this many bytes, so that one read stays small.
JOINED = 64 * 1024

#: Entries that are looked at to tell what a listener has read: as many as one read takes of short messages, about.
LOOKED_AT = 200

#: Strings, brackets and commas in a stream message's content; see `wire/jsonbounds.py`.
STREAM = 7


class MessagesGone(Exception):
    """Some messages after the given number are no longer kept."""


class NotPublished(Exception):
    """There is no message with the given number yet."""


@define
class Entry:
    """A numbered message; `more` has a stream's name, its text, and the texts joined to it."""

    number: int
    message: Message
    size: int
    addressee: Cursor | None = None
    more: list[str] = field(factory=list)

    def join(self, later: Message) -> bool:
        """Join `later`, if both belong to the same stream of the same request."""
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

    def is_for(self, cursor: Cursor) -> bool:
        """Whether an addressed cursor reads it."""
        return self.message.channel == IOPUB or self.addressee is cursor

    def joined(self) -> Message:
        """The message with the joined texts."""
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

    A `resumable` one may go back to `kept`, which moves when the client acknowledges the messages
    before it. An `addressed` one gets only the answers to its own requests. The messages from `taken_from` on, of
    `taken` bytes, were read last, and are not written before the next read.
    """

    position: int
    resumable: bool = False
    addressed: bool = False
    kept: int = field(init=False)
    taken_from: int = field(default=0, init=False)
    taken: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.kept = self.position


@define
class MessageLog:
    """A log of messages, which is `full` from `bound` bytes on.

    Numbers begin with 1 and are consecutive.
    """

    bound: int
    _entries: deque[Entry] = field(factory=deque, init=False)
    _cursors: list[Cursor] = field(factory=list, init=False)
    _next: int = field(default=1, init=False)
    _passed: int = field(default=0, init=False)  # the last number that any cursor is past
    size: int = field(default=0, init=False)  # bytes

    @property
    def full(self) -> bool:
        """Whether the bound is reached, so that the kernel has to be paused."""
        return self.size >= self.bound

    @property
    def drained(self) -> bool:
        """Whether at most half of the bound is used, so that the kernel may be resumed."""
        return self.size <= self.bound // 2

    @property
    def latest(self) -> int:
        """The number of the last message; 0 if there was none."""
        return self._next - 1

    @property
    def oldest(self) -> int:
        """The number of the first message that is kept; that of the next one if none is."""
        return self._entries[0].number if self._entries else self._next

    def append(self, message: Message, addressee: Cursor | None = None) -> None:
        """Append a message, or join it to the last one."""
        last = self._entries[-1] if self._entries else None
        if last is not None and last.number > self._passed and last.join(message):
            self.size += len(message.content)
            return
        entry = Entry(self._next, message, message.size, addressee)
        self._entries.append(entry)
        self._next += 1
        self.size += entry.size

    def open(self, *, resumable: bool = False, addressed: bool = False) -> Cursor:
        """A cursor for a new listener.

        If there is no other, it begins with what the last one had not read or not acknowledged;
        otherwise with the next message.
        """
        position = self._next if self._cursors or not self._entries else self._entries[0].number
        cursor = Cursor(position, resumable, addressed)
        self._cursors.append(cursor)
        self._pass(cursor)
        return cursor

    def read(self, cursor: Cursor, room: int) -> list[Message]:
        """The next messages for this cursor: at least one if there is any, about `room` bytes."""
        taken: list[Message] = []
        cursor.taken_from, cursor.taken = cursor.position, 0
        if not self._entries or cursor.position >= self._next:
            return taken
        first = self._entries[0].number
        while cursor.position < self._next and (room > 0 or not taken):
            entry = self._entries[cursor.position - first]
            cursor.position += 1
            if cursor.addressed and not entry.is_for(cursor):
                continue
            room -= entry.size
            cursor.taken += entry.size
            taken.append(entry.joined())
        self._pass(cursor)
        if not cursor.resumable:
            cursor.kept = cursor.position
        self._skip(cursor)
        self._trim()
        return taken

    def check(self, number: int) -> None:
        """Raise `MessagesGone` or `NotPublished` unless a cursor could continue after `number`."""
        if number >= self._next:
            raise NotPublished
        if number + 1 < self.oldest:
            raise MessagesGone

    def seek(self, cursor: Cursor, number: int) -> None:
        """Acknowledge the messages up to `number` and continue there, even if more had been read.

        Raises `MessagesGone` or `NotPublished`.
        """
        self.check(number)
        cursor.position = cursor.kept = number + 1
        self._pass(cursor)
        self._trim()

    def rewind(self, cursor: Cursor) -> None:
        """Go back to the first message that was not acknowledged."""
        cursor.position = cursor.kept

    def acknowledge(self, cursor: Cursor, number: int) -> None:
        """Acknowledge the messages up to `number`; raises `NotPublished`.

        Those that were not read stay: otherwise the log would keep nothing, while each listener may still be writing another
        long message.
        """
        if number >= self._next:
            raise NotPublished
        cursor.kept = max(cursor.kept, min(number + 1, cursor.position))
        self._skip(cursor)
        self._trim()

    def has_unread(self, cursor: Cursor) -> bool:
        """Whether there are messages that this cursor has not read."""
        return cursor.position < self._next

    def keeps(self, cursor: Cursor) -> bool:
        """Whether the messages kept for this cursor alone are too many for `drained`."""
        kept = sum(entry.size for entry in self._entries if entry.number >= cursor.kept)
        return kept > self.bound // 2

    @property
    def unwritten(self) -> int:
        """The bytes in the log, and of what is not in it any more, as all have read it, and is still being written.

        Listeners that are that far have read the same messages, so those of one count.
        """
        first = self.oldest
        gone = (
            each.taken - self._still_kept(each) for each in self._cursors if each.taken_from < first
        )
        return self.size + max(0, max(gone, default=0))

    def _still_kept(self, cursor: Cursor) -> int:
        """The bytes in the log of what this cursor has read; not more than the first entries are looked at."""
        size = 0
        for entry in islice(self._entries, LOOKED_AT):
            if entry.number >= cursor.position:
                break
            if not cursor.addressed or entry.is_for(cursor):
                size += entry.size
        return size

    def close(self, cursor: Cursor) -> None:
        """Remove a cursor.

        If it was the last one, the messages that it had not read are kept for the next.
        """
        self._cursors.remove(cursor)
        if self._cursors:
            self._trim()

    def _skip(self, cursor: Cursor) -> None:
        """Keep nothing for an addressed cursor that it has skipped: nobody will acknowledge that."""
        if cursor.addressed and self._entries:
            first = self._entries[0].number
            while cursor.kept < cursor.position and not self._entries[cursor.kept - first].is_for(
                cursor
            ):
                cursor.kept += 1

    def _pass(self, cursor: Cursor) -> None:
        """Join nothing more to the messages before this position: they have been read."""
        self._passed = max(self._passed, cursor.position - 1)

    def abridge(self) -> None:
        """Keep only the last message, which says how the session ended."""
        while len(self._entries) > 1:
            self.size -= self._entries.popleft().size

    def clear(self) -> None:
        """Keep nothing of what was appended. Cursors, if there are any, go on with what follows."""
        self._entries.clear()
        self.size = 0
        for cursor in self._cursors:
            cursor.position = cursor.kept = self._next
            self._pass(cursor)

    def _trim(self) -> None:
        """Drop the messages that no cursor will read, or read again."""
        slowest = min(cursor.kept for cursor in self._cursors)
        while self._entries and self._entries[0].number < slowest:
            self.size -= self._entries.popleft().size
