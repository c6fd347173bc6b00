"""The messages between one client and one kernel, over any transport."""

from __future__ import annotations

from attrs import define, field

from sagecell_tx.http.transports.resume import ResumePoint
from sagecell_tx.sessions.interfaces import Listener
from sagecell_tx.sessions.lifecycle.bridge import Undeliverable
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import Attachment
from sagecell_tx.wire.messages import Message, WireError
from sagecell_tx.wire.textwire import UnknownChannel
from sagecell_tx.wire.v4 import V4Client


@define(eq=False)
class ClientChannel:
    """Sends one client's messages to a kernel and reads the kernel's, in the client's version."""

    session: Session
    attachment: Attachment
    _v4: V4Client = field(factory=V4Client, init=False)

    @classmethod
    def attach(
        cls, session: Session, listener: Listener, resume_point: ResumePoint | None = None
    ) -> ClientChannel:
        """Attach `listener` to a session, at its `resume_point` if there is one.

        Raises one of `resume.CANNOT_GO_ON`.
        """
        if resume_point is None:
            return cls(session, session.attach(listener))
        return cls(session, session.attach(listener, resume_point.name, resume_point.after))

    def read(self, room: int) -> list[Message]:
        """The kernel's next messages; see `Attachment.read`."""
        return [self._v4.adapt_reply(each) for each in self.attachment.read(room)]

    def send(self, parsed: Message | WireError) -> Message | None:
        """Send a parsed message to the kernel.

        Returns None, or a refusal for this client alone: an iopub `error` whose parent is the
        client's message, if that had a header.
        """
        if isinstance(parsed, WireError):
            return refusal(self.session, parsed, parsed.code, parsed.message)
        try:
            self.attachment.send(self._v4.adapt_request(parsed))
        except Undeliverable as error:
            return refusal(self.session, parsed, error.code, error.message)
        return None


def refusal(session: Session, parsed: Message | WireError, code: str, sentence: str) -> Message:
    """An iopub `error` whose parent is the client's message, if that had a header."""
    header = parsed.header if isinstance(parsed, Message | UnknownChannel) else b"{}"
    content = {"ename": code, "evalue": sentence, "traceback": [f"{code}: {sentence}"]}
    return session.originate("error", content, header)
