"""Who is to get a kernel's answers: the client that sent the request, found by its msg_id."""

from __future__ import annotations

from attrs import define, field

from sagecell_tx.sessions.listeners.messagelog import Cursor
from sagecell_tx.wire.messages import STDIN, Message

#: Requests that are remembered until they are answered. An answer to an older one reaches nobody.
REMEMBERED = 2000

#: Messages that are never answered.
_UNANSWERED = frozenset({"comm_open", "comm_msg", "comm_close", "input_reply"})


@define
class Addressees:
    """The clients whose requests have no reply yet, by the requests' ids."""

    _asked: dict[str, Cursor] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._asked)

    def note(self, request: Message, cursor: Cursor) -> None:
        """Record that `cursor` sends a request; the first one to send this id keeps it."""
        if request.msg_type in _UNANSWERED:
            return
        self._asked.setdefault(request.msg_id, cursor)
        if len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]

    def of(self, answer: Message) -> Cursor | None:
        """Who gets an answer, which is not on iopub; None if nobody is known.

        A reply is the last answer to its request; an input_request is followed by one.
        """
        if answer.channel == STDIN:
            return self._asked.get(answer.parent_id)
        return self._asked.pop(answer.parent_id, None)

    def forget(self, cursor: Cursor) -> None:
        """Remove a client, which will not come back."""
        for msg_id in [each for each, other in self._asked.items() if other is cursor]:
            del self._asked[msg_id]
