"""All outputs of one program as they are in the end, which is what an answer in one piece has."""

from __future__ import annotations

from io import StringIO

from attrs import define, evolve, field

from sagecell_tx.http.cells.collector import LEFT_OUT
from sagecell_tx.http.execute.outputs import Cleared, Event, Shown, Stream, Updated


@define
class _Text:
    """The text of a stream that grows."""

    name: str
    text: StringIO = field(factory=StringIO)


@define
class Transcript:
    """The outputs as they are in the end: updated, cleared, and with the text of streams joined.

    All displays with one `display_id` show the same, so a program could multiply one long display by thousands of short ones.
    What is repeated has at most `most` bytes of JSON. A display that exceeds them is left out, which a sentence
    on stderr says, and `truncated`.
    """

    most: int
    truncated: bool = field(default=False, init=False)
    _outputs: list[_Text | Shown] = field(factory=list, init=False)
    _displayed: dict[str, bytes] = field(factory=dict, init=False)  # the latest, by display_id
    _displays: dict[str, int] = field(factory=dict, init=False)  # how many, by display_id
    _repeated: int = field(default=0, init=False)  # bytes that are in the outputs once more
    _is_clearing: bool = field(default=False, init=False)  # when there is more output

    def add(self, event: Event) -> None:
        """Apply an event."""
        match event:
            case Cleared(wait=True):
                self._is_clearing = True
            case Cleared():
                self._clear()
            case Updated(display_id=ident, output=output):
                if ident in self._displayed:
                    self._display(ident, output, self._displays[ident])
            case _ if self._is_clearing:
                self._clear()
                self._append(event)
            case _:
                self._append(event)

    def _append(self, event: Stream | Shown) -> None:
        if isinstance(event, Shown):
            ident = event.display_id
            if not ident or self._display(ident, event.output, self._displays.get(ident, 0) + 1):
                self._outputs.append(event)
            return
        last = self._outputs[-1] if self._outputs else None
        if not isinstance(last, _Text) or last.name != event.name:
            last = _Text(event.name)
            self._outputs.append(last)
        last.text.write(event.text)

    def _display(self, ident: str, output: bytes, displays: int) -> bool:
        """Let so many displays with this id show `output`; returns False if that is too long."""
        before = len(self._displayed.get(ident, b"")) * max(self._displays.get(ident, 0) - 1, 0)
        repeated = self._repeated - before + len(output) * (displays - 1)
        if displays > 1 and repeated > self.most:
            if not self.truncated:
                self.truncated = True
                self._append(Stream(name="stderr", text=LEFT_OUT))
            return False
        self._displayed[ident], self._displays[ident] = output, displays
        self._repeated = repeated
        return True

    def _clear(self) -> None:
        self._is_clearing = False
        self._outputs.clear()
        self._displayed.clear()
        self._displays.clear()
        self._repeated = 0

    @property
    def outputs(self) -> list[Stream | Shown]:
        """The outputs, in order."""
        return [
            Stream(name=each.name, text=each.text.getvalue())
            if isinstance(each, _Text)
            else evolve(each, output=self._displayed.get(each.display_id, each.output))
            for each in self._outputs
        ]
