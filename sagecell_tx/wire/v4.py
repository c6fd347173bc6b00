"""Requests in the format of Jupyter's messaging version 4, which old editors still send.

They are recognized by their content, not by the version in their header (contract T1): such
editors send none, and `textwire` adds one.

    -> complete_request {"text", "line", "cursor_pos"}     as {"code", "cursor_pos"}
    <- complete_reply, with "matched_text" beside "cursor_start" and "cursor_end"
    -> object_info_request {"oname", "detail_level"}       as inspect_request {"code", ...}
    <- object_info_reply, with "oname" and "docstring" beside "data"
    -> execute_request {"user_variables": [...]}           as "user_expressions"

Source: https://ipython.org/ipython-doc/2/development/messaging.html
"""

from __future__ import annotations

import re
from typing import Any

import attrs
from attrs import define, field, frozen

from sagecell_tx.wire.jsonbounds import QUESTION_MARKS
from sagecell_tx.wire.messages import Message, WireError, dump, parse_object

#: Requests of one client that are remembered until their replies come. Replies to older ones
#: keep the present format.
REMEMBERED = 100

#: The longest content that is parsed, in bytes: such editors do not send longer ones.
LONGEST = 256 * 1024

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@frozen
class _OldRequest:
    """A request in the old format: its type, and the text that it was about."""

    msg_type: str
    text: str


@define
class V4Client:
    """One client that may use the old format, and its requests that have no reply yet."""

    _asked: dict[str, _OldRequest] = field(factory=dict, init=False)

    def adapt_request(self, message: Message) -> Message:
        """The request in the present format; the message itself if it is not in the old one."""
        adapt = _REQUESTS.get(message.msg_type)
        if adapt is None or (adapt is _execution and b'"user_variables"' not in message.content):
            return message
        try:
            content = message.parsed_content(LONGEST, QUESTION_MARKS)
            adapted = adapt(content)
            if adapted is None:
                return message
            asked, content = adapted
            adapted_message = attrs.evolve(message, content=dump(content))
        except (WireError, ValueError, RecursionError):
            return message  # the kernel replies with an error
        if asked is None:
            return adapted_message
        self._asked[message.msg_id] = asked
        if len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]
        return _called("inspect_request", adapted_message, "object_info_request")

    def adapt_reply(self, message: Message) -> Message:
        """The kernel's message, in the old format if it replies to a request in that."""
        if not self._asked or message.msg_type not in _REPLIES:
            return message
        asked = self._asked.get(message.parent_id)
        if asked is None or _REPLIES[message.msg_type] != asked.msg_type:
            return message
        del self._asked[message.parent_id]
        try:
            content = message.parsed_content(LONGEST)
            if asked.msg_type == "complete_request":
                added = _matched(content, asked.text)
            else:
                added = _described(content, asked.text)
                message = _called("object_info_reply", message, "inspect_reply")
                parent = parse_object(message.parent_header)
                parent["msg_type"] = "object_info_request"
                message = attrs.evolve(message, parent_header=dump(parent))
            return attrs.evolve(message, content=dump(content | added))
        except (WireError, ValueError, RecursionError):
            return message


def _called(msg_type: str, message: Message, before: str) -> Message:
    """The message with another type, if it has the type `before`. Raises as `dump` does."""
    if message.msg_type != before:
        return message
    header = parse_object(message.header)
    header["msg_type"] = msg_type
    return attrs.evolve(message, msg_type=msg_type, header=dump(header))


_Adapted = tuple[_OldRequest | None, dict[str, Any]] | None


def _completion(content: dict[str, Any]) -> _Adapted:
    line = content.get("line") or content.get("text")
    if isinstance(content.get("code"), str) or not isinstance(line, str):
        return None
    place = _place(content.get("cursor_pos"), line)
    return _OldRequest("complete_request", line), {"code": line, "cursor_pos": place}


def _inspection(content: dict[str, Any]) -> _Adapted:
    name = content.get("oname")
    if not isinstance(name, str):
        return None
    level = content.get("detail_level")
    asked = {"code": name, "cursor_pos": len(name), "detail_level": 1 if level == 1 else 0}
    return _OldRequest("object_info_request", name), asked


def _execution(content: dict[str, Any]) -> _Adapted:
    names = content.pop("user_variables", None)
    if not isinstance(names, list):
        return None
    wanted = {name: name for name in names if isinstance(name, str)}
    expressions = content.get("user_expressions")
    more = expressions if isinstance(expressions, dict) else {}
    return None, {**content, "user_expressions": wanted | more}


_REQUESTS = {
    "complete_request": _completion,
    "object_info_request": _inspection,
    "execute_request": _execution,
}
_REPLIES = {"complete_reply": "complete_request", "inspect_reply": "object_info_request"}


def _place(cursor: object, line: str) -> int:
    """The cursor's position in `line`, which is its end if the client sent an invalid one."""
    if type(cursor) is not int or not 0 <= cursor <= len(line):
        return len(line)
    return cursor


def _matched(content: dict[str, Any], line: str) -> dict[str, Any]:
    start, end = content.get("cursor_start"), content.get("cursor_end")
    if type(start) is not int or type(end) is not int:
        return {}
    return {"matched_text": line[max(0, start) : max(0, end)]}


def _described(content: dict[str, Any], name: str) -> dict[str, Any]:
    data = content.get("data")
    plain = data.get("text/plain") if isinstance(data, dict) else None
    text = _COLOURS.sub("", plain) if isinstance(plain, str) else ""
    return {"oname": name, "name": name, "found": content.get("found") is True, "docstring": text}
