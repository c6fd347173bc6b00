"""What came of one request to a kernel, and why one has failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import define, field

#: The server's own words for messages that it refuses; no exception has such a name.
_WORD = re.compile(r"[a-z_]+")


class Failed(Exception):
    """Something that a visitor would have noticed. `kind` is short, and the same for all of its kind.

    `told` is the sentence that the visitor was told, if there was one.
    """

    def __init__(self, kind: str, told: str = "") -> None:
        super().__init__(kind)
        self.kind = kind[:200]
        self.told = told[:500]


@define
class Outcome:
    """The output of one request, from the messages that a listener gets."""

    msg_id: str
    media: set[str] = field(factory=set, init=False)  # the types of results and displays
    interact: str = field(default="", init=False)  # the id of the interact that was made
    error: str = field(default="", init=False)  # the name of the exception
    files: list[str] = field(factory=list, init=False)  # that are stored
    warned: str = field(default="", init=False)  # the last text on standard error
    _printed: list[str] = field(factory=list, init=False)
    _is_answered: bool = field(default=False, init=False)
    _is_idle: bool = field(default=False, init=False)

    @property
    def text(self) -> str:
        """What was printed on standard output."""
        return "".join(self._printed)

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self._is_answered and self._is_idle

    def receive(self, message: Mapping[str, Any]) -> None:
        """A message of the kernel, of whatever request. Raises `Failed` if the session has ended."""
        header, content = _object(message, "header"), _object(message, "content")
        parent = _object(message, "parent_header").get("msg_id")
        if parent is None and content.get("execution_state") == "dead":
            raise Failed(f"the session ended: {content.get('reason')}")
        if parent == self.msg_id:
            self._keep(str(header.get("msg_type")), content)

    def answered(self, reply: Mapping[str, Any]) -> None:
        """The content of the reply."""
        self._is_answered = True
        if reply.get("status") == "error":
            self.error = str(reply.get("ename"))
        payload = reply.get("payload")
        for each in payload if isinstance(payload, list) else []:
            if isinstance(each, dict) and isinstance(each.get("new_files"), list):
                self.files += map(str, each["new_files"])

    def printed(self, text: str) -> None:
        """More of standard output."""
        self._printed.append(text)

    def _keep(self, kind: str, content: Mapping[str, Any]) -> None:
        if kind == "stream" and content.get("name") == "stdout":
            self.printed(str(content.get("text")))
        elif kind == "stream":
            self.warned = str(content.get("text")).strip()
        elif kind in ("display_data", "execute_result"):
            data = _object(content, "data")
            self.media.update(data)
            made = _object(data, "application/sage-interact").get("new_interact_id")
            self.interact = str(made) if made else self.interact
        elif kind == "status" and content.get("execution_state") == "idle":
            self._is_idle = True
        elif kind == "error" and _WORD.fullmatch(str(content.get("ename"))):
            raise Failed(f"refused: {content['ename']}")
        elif kind.endswith("_reply"):
            self.answered(content)


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}
