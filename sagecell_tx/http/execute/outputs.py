"""The output of one program, as the outputs of a notebook's cell.

Source: https://nbformat.readthedocs.io/en/latest/format_description.html#code-cell-outputs
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen

from sagecell_tx.http.cells.collector import CUT, LEFT_OUT, start_of
from sagecell_tx.http.execute.terminaltext import plain
from sagecell_tx.wire.jsonbounds import MARKS, marks_in
from sagecell_tx.wire.messages import Message, WireError, dump

#: Bytes that each piece of a stream counts for beside its text, however short that is.
_ENVELOPE = 48


@frozen(kw_only=True)
class Stream:
    """Text on stdout or stderr. `size` is its bytes as JSON, of which some characters take twelve; 0 if nobody asks."""

    name: str
    text: str
    size: int = field(default=0, eq=False)

    display_id = ""

    @property
    def output(self) -> bytes:
        """The JSON of the output."""
        return dump({"output_type": "stream", "name": self.name, "text": self.text})


@frozen(kw_only=True)
class Shown:
    """A result, a display or an error; `output` is its JSON. Displays may have a `display_id`."""

    output: bytes
    display_id: str = ""

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.output)


@frozen(kw_only=True)
class Updated:
    """All displays with this id now show something else; `output` is its JSON."""

    display_id: str
    output: bytes

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.output)


@frozen(kw_only=True)
class Cleared:
    """All output so far is to be removed; with `wait`, when there is more."""

    wait: bool

    size = 0


Event = Stream | Shown | Updated | Cleared


@define
class Outputs:
    """Turns the messages of one program into events, of at most `limit` bytes of JSON.

    What exceeds it is cut or left out, which a sentence on stderr says, and `truncated`. `value` is
    the JSON of the latest result's data and metadata, `error` the latest error.
    """

    _limit: int
    size: int = field(default=0, init=False)  # bytes of JSON that passed
    value: bytes | None = field(default=None, init=False)
    error: dict[str, str] | None = field(default=None, init=False)
    _marks: int = field(default=MARKS, init=False)  # in all results, displays and errors together
    _is_cut: bool = field(default=False, init=False)
    _left_out: bool = field(default=False, init=False)

    @property
    def truncated(self) -> bool:
        """Whether anything was cut or left out."""
        return self._is_cut or self._left_out

    def events(self, message: Message) -> Iterator[Event]:
        """What a message means to whoever shows the output; nothing for other messages."""
        match message.msg_type:
            case "stream":
                return self._stream(message)
            case "execute_result" | "display_data" | "update_display_data":
                return self._bundle(message)
            case "error":
                return self._error(message)
            case "clear_output":
                return self._clear(message)
        return iter(())

    def _stream(self, message: Message) -> Iterator[Event]:
        room = self._limit - self.size
        if room <= 0 or self._is_cut:
            yield from self._cut()
            return
        try:
            content = message.parsed_content(marks=16)
        except WireError:
            yield from self._cut()
            return
        name, text = content.get("name"), content.get("text")
        if name not in ("stdout", "stderr") or not isinstance(text, str) or not text:
            return
        kept, size = start_of(text, room, room)
        self.size += size + _ENVELOPE
        yield Stream(name=name, text=kept, size=size)
        if len(kept) < len(text):
            yield from self._cut()

    def _bundle(self, message: Message) -> Iterator[Event]:
        content = self._parsed(message)
        shown = {name: _object((content or {}).get(name)) for name in ("data", "metadata")}
        output: dict[str, Any] = {"output_type": "display_data", **shown}
        if message.msg_type == "execute_result":
            number = (content or {}).get("execution_count")
            output = {
                "output_type": "execute_result",
                **shown,
                "execution_count": number if type(number) is int else None,
            }
        written = self._written(output) if content is not None else None
        if content is None or written is None:
            yield from self._leave_out()
            return
        transient = _object(content.get("transient"))
        display_id = transient.get("display_id")
        ident = display_id if isinstance(display_id, str) else ""
        if message.msg_type == "update_display_data":
            yield Updated(display_id=ident, output=written)
            return
        if message.msg_type == "execute_result":
            self.value = dump(shown)
        yield Shown(output=written, display_id=ident)

    def _error(self, message: Message) -> Iterator[Event]:
        content = self._parsed(message)
        if content is None:
            yield from self._leave_out()
            return
        traceback = content.get("traceback")
        lines = (
            [each for each in traceback if isinstance(each, str)]
            if isinstance(traceback, list)
            else []
        )
        name, sentence = (_text(content.get(key)) for key in ("ename", "evalue"))
        written = self._written(
            {"output_type": "error", "ename": name, "evalue": sentence, "traceback": lines}
        )
        if written is None:
            yield from self._leave_out()
            return
        coloured = "\n".join(lines)
        self.error = {
            "name": name,
            "message": sentence,
            "traceback": plain(coloured),
            "traceback_ansi": coloured,
        }
        yield Shown(output=written)

    def _clear(self, message: Message) -> Iterator[Event]:
        try:
            content = message.parsed_content(marks=16)
        except WireError:
            return
        yield Cleared(wait=content.get("wait") is True)

    def _parsed(self, message: Message) -> dict[str, Any] | None:
        """A message's content; None if it is malformed, or too long. What was parsed counts."""
        if len(message.content) > self._limit - self.size:
            return None
        try:
            content = message.parsed_content(marks=self._marks)
        except WireError:
            return None
        self._marks -= marks_in(message.content)
        return content

    def _written(self, output: dict[str, Any]) -> bytes | None:
        """An output as JSON; None if there is no room for it, or if it is not JSON: 1e999."""
        try:
            written = dump(output)
        except (ValueError, RecursionError):
            return None
        if len(written) > self._limit - self.size:
            return None
        self.size += len(written)
        return written

    def _cut(self) -> Iterator[Event]:
        """Let no more text pass, and say so once."""
        if not self._is_cut:
            self._is_cut = True
            yield Stream(name="stderr", text=CUT)

    def _leave_out(self) -> Iterator[Event]:
        """Say once that something is left out."""
        if not self._left_out:
            self._left_out = True
            yield Stream(name="stderr", text=LEFT_OUT)


def _object(value: object) -> dict[str, Any]:
    """A field that must be an object; empty if it is not."""
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A field that must be a string; empty if it is not."""
    return value if isinstance(value, str) else ""
