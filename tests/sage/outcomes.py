"""What came back from a cell, as one value: from Jupyter messages, or from ``/service``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

Data = Mapping[str, Any]

_INTERACT = "application/sage-interact"

#: Displays about an interact that is shown already.
_ABOUT_INTERACTS = re.compile(r"application/sage-(interact-\w+|clear)")

_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@define
class Outcome:
    """What came back from one execution."""

    stdout: str = ""
    stderr: str = ""
    result: str = ""
    shown: list[Data] = field(factory=list)
    error: str = ""
    traceback: str = ""
    controls: dict[str, str] = field(factory=dict)
    files: list[str] = field(factory=list)
    interact: str = ""
    """The id of the last interact."""
    ended: str = ""
    """Why there is no reply: a sentence."""

    def add(self, message: Mapping[str, Any]) -> None:
        """Add a message about the execution, or the one that the kernel ended."""
        content = message["content"]
        match message["msg_type"]:
            case "stream" if content["name"] == "stdout":
                self.stdout += content["text"]
            case "stream":
                self.stderr += content["text"]
            case "display_data":
                self._add_display(content["data"])
            case "execute_result":
                self._add_result(content["data"])
            case "error":
                self._add_error(content)
            case "execute_reply" | "sagenb.interact.update_interact_reply":
                if content.get("status") == "error":
                    # Some errors are printed and not published.
                    self._add_error(content)
                for payload in content.get("payload", ()):
                    self.files += payload.get("new_files", ())
                self.files.sort()
            case "status" if content["execution_state"] == "dead":
                self.ended = content["message"]

    @classmethod
    def of_messages(cls, messages: Iterable[Mapping[str, Any]]) -> Outcome:
        outcome = cls()
        for message in messages:
            outcome.add(message)
        return outcome

    @classmethod
    def of_service(cls, answer: Mapping[str, Any]) -> Outcome:
        """What ``/service`` answered."""
        outcome = cls(
            stdout=answer.get("stdout", ""),
            stderr=answer.get("stderr", ""),
            files=sorted(answer.get("files", ())),
            ended=answer.get("message", ""),
        )
        for display in answer.get("displays", ()):
            outcome._add_display(display["data"])
        if "result" in answer:
            outcome._add_result(answer["result"]["data"])
        reply = answer.get("execute_reply", {})
        if reply.get("status") == "error":
            outcome._add_error(reply)
        return outcome

    def _add_display(self, data: Data) -> None:
        if _INTERACT in data:
            described = data[_INTERACT]
            self.interact = described["new_interact_id"]
            controls = described["controls"]
            self.controls |= {name: each["control_type"] for name, each in controls.items()}
        elif not any(_ABOUT_INTERACTS.fullmatch(kind) for kind in data):
            self.shown.append(data)

    def _add_result(self, data: Data) -> None:
        if set(data) == {"text/plain"}:
            self.result = data["text/plain"]
        else:
            self._add_display(data)

    def _add_error(self, content: Mapping[str, Any]) -> None:
        self.error = f"{content['ename']}: {content['evalue']}"
        self.traceback = _COLOUR.sub("", "\n".join(content["traceback"]))
