"""Layouts: the row and the width of each control of an interact."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

#: Names in layouts that are not controls: the output area and the bookmarks.
OUTPUT, BOOKMARKS = "_output", "_bookmarks"

#: A name and its share of the row's width, from 0 to 1.
Place = list[Any]
Layout = list[list[Place]]

_ABOVE = ("top_left", "top_center", "top", "top_right")
_BELOW = ("bottom_left", "bottom_center", "bottom", "bottom_right")
_SIDES = ("left", "right")


def layout(asked: Any, names: Collection[str], *, output: bool) -> Layout:
    """Rows of places, each name in one of them; raises ValueError.

    `asked` is None, a list of rows, or a mapping of the sides of the output to rows. A row is a
    name, or a list of names or of pairs of a name and its width. Each control that is not named
    gets its own row before the output, or all of them take the place of a `*`.
    """
    if asked is None:
        rows: Layout = []
    elif isinstance(asked, Mapping):
        rows = _from_sides(asked)
    else:
        rows = [_row(row) for row in asked]
    named = [name for row in rows for name, _ in row]
    known = {*names, OUTPUT, BOOKMARKS, "*"}
    for name in named:
        if name not in known:
            raise ValueError(f"The layout names {name!r}, which is not a control.")
        if named.count(name) > 1:
            raise ValueError(f"The layout names {name!r} twice.")
    others = [name for name in names if name not in named]
    if "*" in named:
        rows = [_spread(row, others) for row in rows]
    else:
        _insert(rows, [[[name, None]] for name in others])
    if asked is None:
        rows.append([[BOOKMARKS, None]])
    if output and OUTPUT not in named:
        rows.append([[OUTPUT, None]])
    if not output:
        rows = [[place for place in row if place[0] != OUTPUT] for row in rows]
    return [_shared(row) for row in rows if row]


def _row(row: Any) -> list[Place]:
    if isinstance(row, str):
        return [[row, None]]
    return [_place(place) for place in row]


def _place(place: Any) -> Place:
    if isinstance(place, str):
        return [place, None]
    try:
        name, width = place
        share = None if width is None else float(width)
    except (TypeError, ValueError) as error:
        raise ValueError("A place in the layout must be a name, or a name and a width.") from error
    if not isinstance(name, str) or (share is not None and not 0 < share <= 1):
        raise ValueError("A place in the layout must be a name, and a width from 0 to 1.")
    return [name, share]


def _from_sides(sides: Mapping[Any, Any]) -> Layout:
    unknown = [side for side in sides if side not in (*_ABOVE, *_BELOW, *_SIDES)]
    if unknown:
        raise ValueError(f"The layout names {unknown[0]!r}, which is not a side of the output.")
    middle = [*_names(sides, "left"), [OUTPUT, None], *_names(sides, "right")]
    return [*_rows(sides, _ABOVE), middle, *_rows(sides, _BELOW)]


def _rows(sides: Mapping[Any, Any], which: Sequence[str]) -> Layout:
    return [_row(row) for side in which for row in sides.get(side, ())]


def _names(sides: Mapping[Any, Any], side: str) -> list[Place]:
    return [place for row in _rows(sides, [side]) for place in row]


def _insert(rows: Layout, more: Layout) -> None:
    """Put rows before the one with the output, or at the end."""
    for position, row in enumerate(rows):
        if any(name == OUTPUT for name, _ in row):
            rows[position:position] = more
            return
    rows.extend(more)


def _spread(row: list[Place], names: Sequence[str]) -> list[Place]:
    spread: list[Place] = []
    for name, width in row:
        spread += [[each, None] for each in names] if name == "*" else [[name, width]]
    return spread


def _shared(row: list[Place]) -> list[Place]:
    """A row whose widths add up to at most 1; places without one share the remaining width.

    When no width remains, all places get the same.
    """
    given = sum(width for _, width in row if width is not None)
    open_places = sum(width is None for _, width in row)
    if open_places and given >= 1:
        given, row = 0.0, [[name, None] for name, _ in row]
        open_places = len(row)
    scale = 1 / given if given > 1 else 1.0
    left = (1 - given) / open_places if open_places else 0.0
    return [[name, left if width is None else width * scale] for name, width in row]
