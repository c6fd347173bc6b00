"""What a kernel says on iopub leaves in order, and whoever says too much waits.

All that cells say goes through one queue, bounded in bytes, and one thread sends it. The
socket drops nothing: when its reader is slow the thread waits, the queue fills, and `print`
and `display` wait in turn. Text is one growing entry of the queue while it is the newest,
so many small writes are few messages.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import zmq
from ipykernel.thread import CONTROL_THREAD_NAME

from sagecell_tx.kernelside.captures import Capture, Captures
from sagecell_tx.kernelside.entries import ENTRY, Frames, Text

#: Bytes that may wait in the queue before whoever adds to it waits.
ROOM = 1 << 20

#: Bytes of text in one message. ZMQ counts messages, so small ones bound what it holds of us
#: here and at the server.
TEXT = 64 * 1024

#: Messages that ZMQ may hold for a slow reader. With TEXT and ROOM, what bounds a stalled
#: kernel's memory.
HIGH_WATER = 32

#: How long text may wait for more of it, in seconds.
LINGER = 0.05

#: How long the last words may take, in seconds.
LAST_WORDS = 0.5

#: Messages sent before a look at who subscribes and what subprocesses write.
BATCH = 64

#: Ends of topics that never wait: few, small, and what ends a cell that waits.
_UNSTOPPABLE = (b".status", b".error", b".execute_input", b".shutdown")


class Publisher:
    """A kernel's iopub, as the socket that `Session.send` and the streams write to.

    Until `start`, what is said is dropped: the parent of all kernels has nobody to tell.
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        #: Metadata of the text that is written from now on, as in the session.
        self.block: dict[str, Any] | None = None
        self.closed = True
        self.forked = False
        self._socket: Any = None
        self._captures = Captures()
        # Reentrant: a finalizer or a signal handler that prints may run in the middle.
        self._lock = threading.RLock()
        self._room = threading.Condition(self._lock)
        self._queue: deque[Text | Frames] = deque()
        self._size = 0
        self._stopping = False
        self._asleep = False
        self._wake = -1
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._abandon)

    def start(self, socket: Any, captures: Iterable[Capture]) -> None:
        """Begin to send, on a bound XPUB, what is said and what the captures read."""
        self._socket = socket
        socket.setsockopt(zmq.SNDTIMEO, int(LAST_WORDS * 1000))
        socket.setsockopt(zmq.LINGER, int(LAST_WORDS * 1000))
        self._captures = Captures(captures)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name="iopub", daemon=True)
        self._stopping = self.closed = self.forked = False
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, unless the reader takes too long; the socket is closed then."""
        if self.closed or self._thread is None:
            return
        self.flush()
        with self._lock:
            self._stopping = True
            self._awaken()
        self._thread.join()
        os.close(self._wake)

    def _abandon(self) -> None:
        """In a process that a cell forked: the thread is not here, and the socket not ours."""
        self.closed = self.forked = True

    # --- saying

    def send_multipart(self, frames: list[Any], *_: object, **__: object) -> None:
        """Publish a message; what `Session.send` calls. May wait."""
        if self.closed:
            return
        # Copied now, or a visitor's array could change while it waits.
        copied = [frame if type(frame) is bytes else bytes(frame) for frame in frames]
        entry = Frames(copied, sum(map(len, copied)) + ENTRY)
        with self._lock:
            if not copied[0].endswith(_UNSTOPPABLE):
                self._wait_for_room()
            self._add(entry)
            self._awaken()

    def write(self, stream: str, text: str, parent: dict[str, Any]) -> None:
        """Publish text of a stream. May wait."""
        if not text.isascii():
            # A lone surrogate has no place in JSON, and a bad byte none in a message.
            text = text.encode("utf-8", "replace").decode("utf-8")
        if len(text) <= TEXT // 4:
            self._write(stream, text, parent)
            return
        step = TEXT if text.isascii() else TEXT // 4
        for start in range(0, len(text), step):
            self._write(stream, text[start : start + step], parent)

    def flush(self) -> None:
        """What has been said, and what subprocesses have written, leaves soon."""
        if self.closed:
            return
        with self._lock:
            self._read_captures()
            if self._queue and isinstance(last := self._queue[-1], Text):
                last.complete = True
                self._awaken()

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
        # The control channel must answer, above all when the main thread waits here.
        if threading.current_thread().name == CONTROL_THREAD_NAME:
            return
        while self._size >= ROOM and not self.closed:
            self._awaken()
            self._room.wait()

    def _awaken(self) -> None:
        """Wake the thread if it sleeps, once: woken, it sends all that has been added meanwhile."""
        if self._asleep and not self.closed:
            os.eventfd_write(self._wake, 1)
            self._asleep = False  # only now: an interrupt in between must cost no wake-up

    # --- sending; all of it in the thread

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake, zmq.POLLIN)
        for capture in self._captures:
            poller.register(capture.descriptor, zmq.POLLIN)
        sent = 0
        try:
            while True:
                with self._lock:
                    entry, wait = self._take()
                    self._asleep = entry is None
                    if entry is None and self._stopping:
                        return
                if entry is not None:
                    self._send(entry)
                    sent += 1
                if entry is None or sent % BATCH == 0:
                    self._attend(poller, wait)
        except zmq.ZMQError:
            return  # the socket is gone, or its reader, and the kernel ends
        finally:
            with self._lock:
                self.closed = True
                self._room.notify_all()
            self._socket.close()

    def _take(self) -> tuple[Text | Frames | None, int | None]:
        """The entry that is due, or how many milliseconds to wait for one; None for ever."""
        if not self._queue:
            # Heals what an interrupt in the middle of an addition may have miscounted.
            self._size = 0
            self._room.notify_all()
            return None, None
        entry = self._queue[0]
        if isinstance(entry, Text) and len(self._queue) == 1 and not entry.complete:
            wait = entry.born + LINGER - time.monotonic()
            if wait > 0 and entry.size < TEXT // 2:
                return None, int(wait * 1000) + 1
        self._queue.popleft()
        self._size -= entry.size + (ENTRY if isinstance(entry, Text) else 0)
        if self._size < ROOM // 2:
            self._room.notify_all()
        return entry, 0

    def _send(self, entry: Text | Frames) -> None:
        if isinstance(entry, Frames):
            self._send_frames(entry.frames)
            return
        content = {"name": entry.stream, "text": "".join(entry.parts)}
        if content["text"]:
            message = self.session.msg("stream", content, parent=entry.parent, metadata=entry.block)
            topic = f"stream.{entry.stream}".encode()
            self._send_frames(self.session.serialize(message, ident=topic))

    def _send_frames(self, frames: list[bytes]) -> None:
        """Send a message; this is where a slow reader is waited for."""
        while True:
            try:
                self._socket.send_multipart(frames)
                return
            except zmq.Again:  # after LAST_WORDS; nothing of it was sent
                if self._stopping:
                    raise

    def _attend(self, poller: zmq.Poller, wait: int | None) -> None:
        """Wait for something to do, for `wait` milliseconds; greet who subscribes."""
        ready = dict(poller.poll(wait))
        if self._wake in ready:
            os.eventfd_read(self._wake)
        if self._socket in ready:
            self._greet()
        with self._lock:
            self._read_captures()
            for descriptor in self._captures.drop_ended():
                poller.unregister(descriptor)

    def _greet(self) -> None:
        """Say welcome to each new subscription: only then does its reader miss nothing."""
        while True:
            try:
                event = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if event[:1] != b"\x01":
                continue
            topic = event[1:]
            content = {"subscription": topic.decode("utf-8", "replace")}
            message = self.session.msg("iopub_welcome", content)
            self._send_frames(self.session.serialize(message, ident=topic or None))

    def _read_captures(self) -> None:
        """Take what subprocesses have written, as far as there is room; the pipe holds the rest."""
        if self._captures.waiting():
            for capture in self._captures:
                while self._size < ROOM and (text := capture.read()):
                    self._append(capture.stream, text, capture.parent)
