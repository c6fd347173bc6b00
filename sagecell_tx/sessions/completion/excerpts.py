"""What of a program a question is about: a few thousand characters around the cursor.

Whoever completes looks at them alone, so no program is too long to be asked about. Places are
counted in characters of Unicode, as the messaging specification has it.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

#: Characters before the cursor, and behind it.
BEFORE = 4096
AFTER = 512

#: Where ipykernel tells the kind of each match, with places of its own.
_KINDS = "_jupyter_types_experimental"


@frozen
class Excerpt:
    """The text that is asked about; the cursor is at `place` of it, and `start` before it is cut."""

    text: str
    place: int
    start: int

    @classmethod
    def of(cls, code: str, place: int) -> Excerpt:
        """What is around `place` in `code`, from the beginning of a line if one is near enough."""
        start = max(0, place - BEFORE)
        if start and (line := code.find("\n", start - 1, place) + 1):
            start = line
        return cls(code[start : place + AFTER], place - start, start)

    def restored(self, content: dict[str, Any]) -> dict[str, Any]:
        """A reply's content, with its places in the excerpt made places in the whole program."""
        moved = self._moved(content, "cursor_start", "cursor_end")
        metadata = moved.get("metadata")
        kinds = metadata.get(_KINDS) if isinstance(metadata, dict) else None
        if isinstance(metadata, dict) and isinstance(kinds, list):
            told = [self._moved(kind, "start", "end") for kind in kinds if isinstance(kind, dict)]
            moved["metadata"] = {**metadata, _KINDS: told}
        return moved

    def _moved(self, places: dict[str, Any], *names: str) -> dict[str, Any]:
        there = {name: places[name] for name in names if type(places.get(name)) is int}
        return {**places, **{name: place + self.start for name, place in there.items()}}
