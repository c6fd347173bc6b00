"""Messages as clients and kernels send them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from sagecell_tx.wire.messages import IOPUB, SHELL, Message, originate

DATE = "2026-01-01T00:00:00+00:00"
KERNEL_ID = "00000000-0000-4000-8000-000000000000"


def ids(prefix: str = "id") -> Callable[[], str]:
    """A source of ids, each of them unique."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"


def request(
    msg_id: str = "r1",
    msg_type: str = "execute_request",
    content: dict[str, Any] | None = None,
    *,
    channel: str = SHELL,
) -> Message:
    return originate(channel, msg_type, content or {}, session="client", msg_id=msg_id, date=DATE)


_said = ids("k")


def said(
    msg_type: str,
    content: dict[str, Any] | None = None,
    parent: Message | None = None,
    *,
    channel: str = IOPUB,
) -> Message:
    return originate(
        channel,
        msg_type,
        content or {},
        session=KERNEL_ID,
        msg_id=_said(),
        date=DATE,
        parent_header=b"{}" if parent is None else parent.header,
    )


def stream(text: str, parent: Message | None = None, name: str = "stdout") -> Message:
    return said("stream", {"name": name, "text": text}, parent)


def status(state: str, parent: Message | None = None) -> Message:
    return said("status", {"execution_state": state}, parent)


def reply(to: Message, **content: Any) -> Message:
    kind = to.msg_type.removesuffix("_request") + "_reply"
    return said(kind, {"status": "ok", **content}, to, channel=to.channel)


def code(text: str, msg_id: str = "r1") -> Message:
    """An execute_request."""
    return request(msg_id, content={"code": text})


def shown(messages: list[Message]) -> list[tuple[str, str, str]]:
    """Type, parent and text of the messages, streams joined as far as they can be."""
    told: list[tuple[str, str, str]] = []
    for message in messages:
        content = message.parsed_content()
        if message.msg_type != "stream":
            told.append((message.msg_type, message.parent_id, str(content)))
            continue
        key, text = (f"stream {content['name']}", message.parent_id), content["text"]
        if told and told[-1][:2] == key:
            told[-1] = (*key, told[-1][2] + text)
        else:
            told.append((*key, text))
    return told
