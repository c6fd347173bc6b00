"""Excerpts of a program: a few thousand characters around the cursor.

Completions use only the excerpt, so no program is too long for them. Positions count Unicode
characters, as in the messaging specification.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

#: Characters before the cursor, and after it.
BEFORE = 4096
AFTER = 512

#: The key of the metadata in which ipykernel lists each match's type and position.
_KINDS = "_jupyter_types_experimental"


@frozen
class Excerpt:
    """Part of a program: `text` begins at `start` of it, and the cursor is at `place` in `text`."""

    text: str
    place: int
    start: int

    @classmethod
    def of(cls, code: str, place: int) -> Excerpt:
        """The text around `place` in `code`, from the beginning of a line if one is near enough."""
        start = max(0, place - BEFORE)
        if start and (line := code.find("\n", start - 1, place) + 1):
            start = line
        return cls(code[start : place + AFTER], place - start, start)

    def restored(self, content: dict[str, Any]) -> dict[str, Any]:
        """A reply's content, its positions converted from the excerpt to the program."""
        moved = self._moved(content, "cursor_start", "cursor_end")
        metadata = moved.get("metadata")
        kinds = metadata.get(_KINDS) if isinstance(metadata, dict) else None
        if isinstance(metadata, dict) and isinstance(kinds, list):
            moved_kinds = [
                self._moved(kind, "start", "end") for kind in kinds if isinstance(kind, dict)
            ]
            moved["metadata"] = {**metadata, _KINDS: moved_kinds}
        return moved

    def _moved(self, places: dict[str, Any], *names: str) -> dict[str, Any]:
        there = {name: places[name] for name in names if type(places.get(name)) is int}
        return {**places, **{name: place + self.start for name, place in there.items()}}
