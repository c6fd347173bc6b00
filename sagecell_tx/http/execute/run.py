"""One program in a session of its own, from its files to what can be said of its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.http.cells import execution
from sagecell_tx.http.execute.languages import for_kernel, in_python
from sagecell_tx.http.execute.outputs import Event, Outputs
from sagecell_tx.http.execute.submission import Submission
from sagecell_tx.http.execute.terminaltext import plain
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import STALLED, Attachment
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.requests.notices import REPLY, is_idle
from sagecell_tx.wire.messages import SHELL, Message, WireError, dump

#: Bytes to read from the message log at once.
ROOM = 256 * 1024

#: See `sagecell_tx/kernelside/files/received.py`.
_WRITE_FILES = "sagecell.write_files_request"
_FILES_WRITTEN = "sagecell.write_files_reply"


def execute_request(originator: Originator, submission: Submission) -> Message:
    """The request that runs a program, whose reply waits for what the program leaves running."""
    code = in_python(submission.code, submission.language)
    metadata: dict[str, Any] = {"sagecell": {"wait": True}}
    if submission.language:
        metadata["language"] = for_kernel(submission.language)
    request = originator.originate(SHELL, "execute_request", execution.content(code, {}))
    return attrs.evolve(request, metadata=dump(metadata))


def files_request(originator: Originator, files: Mapping[str, bytes]) -> Message:
    """The request that writes files into the kernel's directory."""
    request = originator.originate(SHELL, _WRITE_FILES, {"names": list(files)})
    return attrs.evolve(request, buffers=tuple(files.values()))


@define(kw_only=True, eq=False)
class ProgramRun:
    """A listener that runs one program in a session that is up.

    Output is taken with `read`, at the reader's pace: until then the kernel waits. `on_news` is
    called when there may be more, or when `is_over` has become true. Output has at most `limit`
    bytes of JSON; after `seconds` the session is stopped.
    """

    session: Session
    clock: IReactorTime
    originator: Originator
    submission: Submission
    limit: int
    on_news: Callable[[], None]
    is_over: bool = field(default=False, init=False)
    outputs: Outputs = field(init=False)
    _program: Message = field(init=False)
    _files: Message | None = field(default=None, init=False)
    _attachment: Attachment | None = field(default=None, init=False)
    _deadline: IDelayedCall | None = field(default=None, init=False)
    _is_late: bool = field(default=False, init=False)
    _is_reading: bool = field(default=False, init=False)
    _reply: dict[str, Any] | None = field(default=None, init=False)
    _cause: tuple[str, str] | None = field(default=None, init=False)  # a word and a sentence
    _began: float = field(default=0.0, init=False)
    _ended: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.outputs = Outputs(self.limit)
        self._program = execute_request(self.originator, self.submission)
        if self.submission.files:
            self._files = files_request(self.originator, self.submission.files)

    def begin(self) -> None:
        """Send the files and the program."""
        self._began = self.clock.seconds()
        self._deadline = self.clock.callLater(self.submission.seconds, self._be_late)
        self._attachment = self.session.attach(self)
        self._attachment.send(self._files or self._program)

    def leave(self) -> None:
        """Stop listening, and stop the session unless it has ended. Harmless if repeated."""
        self._release()
        self.session.stop(Reason.STOPPED)

    def read(self) -> list[Event]:
        """The output that came since the last call. It may be the last: see `is_over`."""
        events: list[Event] = []
        self._is_reading = True
        try:
            while self._attachment is not None and not events:
                messages = self._attachment.read(ROOM)
                if not messages:
                    break
                for message in messages:
                    events += self._take(message)
        finally:
            self._is_reading = False
        return events

    # --- Listener

    def wake(self) -> None:
        """See `Listener.wake`."""
        self.on_news()

    def close(self, reason: str) -> None:
        """See `Listener.close`. The session may have ended before the reply."""
        if self.is_over:
            return
        why = Reason.STOPPED if reason == STALLED else Reason(reason)
        # A program that exits with status 0 before its reply has not finished.
        why = Reason.CRASHED if why is Reason.FINISHED else why
        self._end((why.value, why.sentence))

    # --- messages

    def _take(self, message: Message) -> list[Event]:
        """What a message adds to the output; what it says otherwise is noted."""
        if self.is_over:
            return []
        if self._files is not None and message.parent_id == self._files.msg_id:
            self._note_files(message)
        if message.parent_id != self._program.msg_id:
            return []
        if message.msg_type == "execute_reply" and message.channel == SHELL:
            try:
                self._reply = message.parsed_content(REPLY)
            except WireError:
                self._reply = None
        elif message.msg_type == "status" and is_idle(message):
            self._end()
        else:
            return list(self.outputs.events(message))
        return []

    def _note_files(self, message: Message) -> None:
        """Send the program once its files are written."""
        if message.msg_type != _FILES_WRITTEN or self._attachment is None:
            return
        try:
            reply = message.parsed_content(REPLY)
        except WireError:
            reply = {}
        if reply.get("status") == "ok":
            self._attachment.send(self._program)
        else:
            sentence = str(reply.get("evalue") or "The files could not be written.")
            self._end(("files_not_written", sentence[:200]))

    def _be_late(self) -> None:
        """Stop the session, which closes this listener when all its output is read."""
        self._is_late = True
        self.session.stop(Reason.STOPPED)

    def _end(self, cause: tuple[str, str] | None = None) -> None:
        if self._is_late:
            cause = ("timeout", execution.late_sentence(self.submission.seconds))
        self.is_over, self._cause = True, cause
        self._ended = self.clock.seconds()
        self._release()
        if not self._is_reading:
            self.on_news()

    def _release(self) -> None:
        """Detach from the session, and stop the clock."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.detach()

    # --- the end

    def summary(self) -> dict[str, Any]:
        """What is said of a run that is over, but for its value and the URLs of its files."""
        reply, cause = self._reply, self._cause
        if reply is None and cause is None:
            cause = ("invalid_reply", "The program ended without a valid reply from its kernel.")
        status = "ok" if reply is not None and reply.get("status") == "ok" else "error"
        count = None if reply is None else reply.get("execution_count")
        return {
            "status": status if cause is None else "dead" if cause[0] != "timeout" else "timeout",
            "execution_count": count if type(count) is int else None,
            "error": self._error() if cause is None and status == "error" else self.outputs.error,
            "truncated": self.outputs.truncated,
            "cause": None if cause is None else {"reason": cause[0], "message": cause[1]},
            "used": {
                "seconds": round(self._ended - self._began, 6),
                "output_bytes": self.outputs.size,
                "file_bytes": self.session.saved_bytes,
            },
        }

    def _error(self) -> dict[str, str] | None:
        """The error, from the reply if it was not published."""
        if self.outputs.error is not None or self._reply is None:
            return self.outputs.error
        name, sentence = (str(self._reply.get(key) or "")[:1000] for key in ("ename", "evalue"))
        return {
            "name": name,
            "message": sentence,
            "traceback": plain(f"{name}: {sentence}"),
            "traceback_ansi": f"{name}: {sentence}",
        }

    @property
    def file_names(self) -> list[object]:
        """The names of the files that the program made.

        One that ended without a reply may have made some as well.
        """
        if self._reply is None:
            return list(self.session.saved_files)
        return execution.new_files(self._reply)
