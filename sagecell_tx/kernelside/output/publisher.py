"""A kernel's iopub: output is sent in order, and a cell that writes too fast waits.

All output of cells goes through one queue, bounded in bytes, and one thread writes it to the
readers' sockets. Nothing is dropped: when a reader is slow the thread waits, the queue fills, and
`print` and `display` wait in turn. Text is appended to the newest entry of the queue where
possible, so many small writes become few messages. `flush` waits until the thread has written, so
that flushed output survives the process.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from ipykernel.thread import CONTROL_THREAD_NAME

from sagecell_tx.kernelside.output.captures import PIPE, Capture, Captures
from sagecell_tx.kernelside.output.entries import ENTRY, Frames, Text
from sagecell_tx.kernelside.output.readers import GaveUp, Readers, TopicMessage
from sagecell_tx.kernelside.output.zmtp import encode

#: Bytes in the queue from which on a caller that adds to it must wait.
ROOM = 1 << 20

#: The most bytes of text in one message: ZMQ limits its queues by messages, not by bytes.
TEXT = 64 * 1024

#: Bytes from which on no more entries are taken from the queue for one write.
BATCH = 64 * 1024

#: Seconds that text may wait for more text.
LINGER = 0.05

#: Ends of topics whose messages never wait: few, small, and needed to end a cell that waits.
_UNSTOPPABLE = (b".status", b".error", b".execute_input", b".shutdown")


class _Condition(threading.Condition):
    """A condition whose lock is held after `wait`, also if an interrupt comes at any moment of it.

    Python's own is not if it comes between the release of the lock and the waiting.
    """

    def wait(self, timeout: float | None = None) -> bool:
        """See `threading.Condition.wait`."""
        try:
            return super().wait(timeout)
        finally:
            if not self._is_owned():  # type: ignore[attr-defined]
                self.acquire()


class Publisher:
    """A kernel's iopub, as the socket that `Session.send` and the streams write to.

    Before `start`, messages are dropped: the parent process of all kernels has no readers.
    """

    _readers: Readers
    _poller: select.poll

    def __init__(self, session: Any) -> None:
        self.session = session
        #: Metadata of the text that is written from now on, as in the session.
        self.block: dict[str, Any] | None = None
        self.closed = True
        self.forked = False
        self._captures = Captures()
        # Reentrant: a finalizer or a signal handler that prints may run while it is held.
        self._lock = threading.RLock()
        self._room = _Condition(self._lock)
        self._progress = _Condition(self._lock)
        self._queue: deque[Text | Frames] = deque()
        self._in_hand: list[Text | Frames] = []  # taken from the queue, not written yet
        self._size = 0
        self._stopping = False
        self._asleep = False
        self._wake = -1
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._abandon)

    def start(self, listening: socket.socket, captures: Iterable[Capture]) -> None:
        """Start the thread that sends messages and captured output to all that connect.

        The publisher owns the listening socket from now on.
        """
        self._captures = Captures(captures)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poller = select.poll()
        self._readers = Readers(listening, self._poller, lambda: self._stopping)
        for descriptor in (self._wake, *(capture.descriptor for capture in self._captures)):
            self._poller.register(descriptor, select.POLLIN)
        self._thread = threading.Thread(target=self._run, name="iopub", daemon=True)
        self._stopping = self.closed = self.forked = False
        self._thread.start()

    def stop(self) -> None:
        """Send the queue unless a reader is too slow, close the sockets, and join the thread."""
        if self.closed or self._thread is None:
            return
        self.hasten()
        with self._lock:
            self._stopping = True
            self._awaken()
        self._thread.join()
        os.close(self._wake)

    def _abandon(self) -> None:
        """In a process that a cell forked: it has no thread, and the socket is the parent's."""
        self.closed = self.forked = True

    # --- adding to the queue

    def send_multipart(self, frames: list[Any], *_: object, **__: object) -> None:
        """Publish a message; called by `Session.send`. May wait for room."""
        if self.closed:
            return
        # Copied now, since a visitor's array could change while it is queued.
        copied = [frame if type(frame) is bytes else bytes(frame) for frame in frames]
        entry = Frames(copied, sum(map(len, copied)) + ENTRY)
        with self._lock:
            if not copied[0].endswith(_UNSTOPPABLE):
                self._wait_for_room()
            self._add(entry)
            self._awaken()

    def write(self, stream: str, text: str, parent: dict[str, Any]) -> None:
        """Publish text of a stream. May wait for room."""
        if not text.isascii():
            # A message cannot have lone surrogates.
            text = text.encode("utf-8", "replace").decode("utf-8")
        if len(text) <= TEXT // 4:
            self._write(stream, text, parent)
            return
        step = TEXT if text.isascii() else TEXT // 4
        for start in range(0, len(text), step):
            self._write(stream, text[start : start + step], parent)

    def hasten(self) -> None:
        """Queue what subprocesses have written, and send the queue without waiting for more."""
        if self.closed:
            return
        with self._lock:
            # All that the pipes hold, even beyond ROOM: the end of a cell must come after it,
            # and must not wait.
            self._read_captures(ROOM + 2 * PIPE)
            if self._queue:
                if isinstance(last := self._queue[-1], Text):
                    last.complete = True
                self._awaken()

    def flush(self, patience: float | None = None) -> None:
        """As `hasten`, and waits until all of it is written, at most `patience` seconds.

        Written output can be read even if this process ends.
        """
        if self.closed:
            return
        # A finalizer or a signal handler may flush during an addition, which must end first.
        nested = self._lock._is_owned()  # type: ignore[attr-defined]
        with self._lock:
            self.hasten()
            unwritten = self._queue or self._in_hand
            if unwritten and not nested and self._may_wait():
                newest = unwritten[-1]
                self._progress.wait_for(lambda: newest.written or self.closed, patience)

    def _write(self, stream: str, text: str, parent: dict[str, Any]) -> None:
        with self._lock:
            self._wait_for_room()
            self._append(stream, text, parent)

    def _append(self, stream: str, text: str, parent: dict[str, Any]) -> None:
        size = len(text) if text.isascii() else len(text.encode("utf-8"))
        last, block = self._queue[-1] if self._queue else None, self.block
        if (
            not isinstance(last, Text)
            or last.stream != stream
            or last.parent is not parent
            or last.block is not block
            or last.size + size > TEXT
        ):
            last = Text(stream, parent, block, time.monotonic())
            self._add(last)
            self._size += ENTRY
            self._awaken()
        last.size += size
        self._size += size
        last.parts.append(text)
        if last.size >= TEXT // 2:
            self._awaken()

    def _add(self, entry: Text | Frames) -> None:
        if self.closed:
            return
        self._size += entry.size
        self._queue.append(entry)

    def _wait_for_room(self) -> None:
        if self._size < ROOM or self.closed:
            return
        if not self._may_wait():
            return
        while self._size >= ROOM and not self.closed:
            self._awaken()
            self._room.wait()

    def _may_wait(self) -> bool:
        """False in the sending thread, and in the control channel's, which must answer."""
        thread = threading.current_thread()
        return thread is not self._thread and thread.name != CONTROL_THREAD_NAME

    def _awaken(self) -> None:
        """Wake the thread if it sleeps. Once is enough: it then sends all that was added."""
        if self._asleep and not self.closed:
            os.eventfd_write(self._wake, 1)
            self._asleep = False  # only now: an interrupt in between must not lose the wake-up

    # --- sending, in the thread

    def _run(self) -> None:
        unattended = 0
        try:
            while True:
                with self._lock:
                    wait = self._take()
                    self._asleep = not self._in_hand
                    if self._asleep and self._stopping:
                        return
                if self._in_hand:
                    unattended += self._send()
                if not self._in_hand or unattended >= BATCH:
                    self._attend(0 if self._in_hand else wait)
                    unattended = 0
        except (OSError, GaveUp):
            return  # a cell closed our descriptors, or a reader was too slow at the end
        finally:
            with self._lock:
                self.closed = True
                self._room.notify_all()
                self._progress.notify_all()
            self._readers.close()

    def _take(self) -> int | None:
        """Move what is due from the queue to `_in_hand`.

        Returns the milliseconds after which waiting text is due, None if there is none.
        """
        for entry in self._in_hand:
            entry.written = True
        self._in_hand = []
        self._progress.notify_all()
        wait, size = None, 0
        while self._queue and size < BATCH:
            entry = self._queue[0]
            if isinstance(entry, Text) and len(self._queue) == 1 and not entry.complete:
                left = entry.born + LINGER - time.monotonic()
                if left > 0 and entry.size < TEXT // 2:
                    wait = int(left * 1000) + 1
                    break
            self._in_hand.append(self._queue.popleft())
            size += entry.size
            self._size -= entry.size + (ENTRY if isinstance(entry, Text) else 0)
        if not self._queue:
            # Corrects what an interrupt during an addition may have miscounted.
            self._size = 0
        if self._size < ROOM // 2:
            self._room.notify_all()
        return wait

    def _send(self) -> int:
        """Write what is in hand, waiting for slow readers; returns its size in bytes."""
        size, messages = 0, []
        for entry in self._in_hand:
            size += entry.size
            frames = entry.frames if isinstance(entry, Frames) else self._frames(entry)
            if frames:
                messages.append(TopicMessage(frames[0], encode(frames)))
        self._readers.send(messages)
        return size

    def _frames(self, text: Text) -> list[bytes]:
        """The frames of a `stream` message with `text`; none if it is empty."""
        content = {"name": text.stream, "text": "".join(text.parts)}
        if not content["text"]:
            return []
        message = self.session.msg("stream", content, parent=text.parent, metadata=text.block)
        topic = f"stream.{text.stream}".encode()
        frames: list[bytes] = self.session.serialize(message, ident=topic)
        return frames

    def _attend(self, wait: int | None) -> None:
        """Wait for input for `wait` milliseconds; send a welcome to each new subscriber."""
        ready = dict(self._poller.poll(wait))
        if self._wake in ready:
            os.eventfd_read(self._wake)
        for reader, topic in self._readers.attend(ready):
            # From now on the reader misses nothing.
            content = {"subscription": topic.decode("utf-8", "replace")}
            message = self.session.msg("iopub_welcome", content)
            frames = self.session.serialize(message, ident=topic or None)
            self._readers.send_to(reader, encode(frames))
        with self._lock:
            self._read_captures()
            for descriptor in self._captures.drop_ended():
                self._poller.unregister(descriptor)

    def _read_captures(self, room: int = ROOM) -> None:
        """Queue what subprocesses have written, while there is room; the pipe holds the rest."""
        if self._captures.waiting():
            for capture in self._captures:
                while self._size < room and (text := capture.read()):
                    self._append(capture.stream, text, capture.parent)
