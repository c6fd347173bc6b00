"""Messages that this server creates itself, to kernels and on their behalf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from sagecell_tx.wire.messages import Message, originate


@frozen(kw_only=True)
class Originator:
    """Creates messages, each with a new id and the current time.

    `new_id` returns ids of 36 characters, `now` the time as ISO 8601 text with zone.
    """

    new_id: Callable[[], str]
    now: Callable[[], str]

    def originate(
        self,
        channel: str,
        msg_type: str,
        content: dict[str, Any],
        *,
        session: str = "",
        parent_header: bytes = b"{}",
    ) -> Message:
        """A new message; `session` is a kernel's id or empty.

        Raises ValueError or RecursionError when `content` cannot be JSON.
        """
        return originate(
            channel,
            msg_type,
            content,
            session=session,
            msg_id=self.new_id(),
            date=self.now(),
            parent_header=parent_header,
        )
