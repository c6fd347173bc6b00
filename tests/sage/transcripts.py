"""The output of one block of a doctest as text, from the messages of its execution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

#: What a block gave: readings of its output, one of which has to be right; or its error.
Came = dict[str, Any]


@define
class Transcript:
    """The output of one block as text, in order."""

    _printed: str = field(default="", init=False)
    _with_displays: str = field(default="", init=False)
    _error: str = field(default="", init=False)

    def add(self, message: Mapping[str, Any]) -> None:
        """Add a Jupyter message."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self._add(content["text"])
            case "execute_result":
                self._add(content["data"].get("text/plain", "") + "\n")
            case "display_data":
                # Of a picture, docstrings have the text if it is a value, and nothing if it is shown.
                self._with_displays += content["data"].get("text/plain", "") + "\n"
            case "error":
                # As Python prints it: without a colon if there is no message.
                named = (each for each in (content["ename"], content["evalue"]) if each)
                self._error = ": ".join(named) + "\n"

    def _add(self, text: str) -> None:
        self._printed += text
        self._with_displays += text

    @property
    def came(self) -> Came:
        return {"texts": [self._printed, self._with_displays], "error": self._error}


def transcribed(messages: Iterable[Mapping[str, Any]]) -> Came:
    """What a block gave."""
    transcript = Transcript()
    for message in messages:
        transcript.add(message)
    return transcript.came
