"""Rewrites a settings file with the current names, and keeps its comments.

The keys of one flat table, ``[limits]``, are sorted into the tables below it. A comment moves with
the key that follows it. A key that is commented out is sorted and renamed like the others.
"""

from __future__ import annotations

import re

import tomlkit
from attrs import define, field
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Item, Table

from sagecell_tx import renamed

#: A key that is commented out: the mark, the key, the rest.
_COMMENTED_OUT = re.compile(r"(#\s*)(\w+)(\s*=.*)", re.DOTALL)


def upgraded(text: str) -> str:
    """The settings in `text` with the current names; `text` itself if it has no former name.

    Raises ValueError if it is not TOML, and for a limit with both its former and current name.
    """
    try:
        return _upgraded(text)
    except (TOMLKitError, RecursionError) as error:
        raise ValueError(f"not TOML: {error}") from error


def _upgraded(text: str) -> str:
    document = tomlkit.parse(text)
    body = document.body
    pieces = [
        (place, key, item)
        for place, (key, item) in enumerate(body)
        if key is not None and key.key == "limits" and isinstance(item, Table | InlineTable)
    ]
    sorting = _Sorting()
    tails = {place: sorting.take(item) for place, _, item in pieces}
    if not sorting.renames:
        return text
    # Keys without a header come before all tables, where no table can take their place.
    headed = [
        place for place, key, item in pieces if isinstance(item, Table) and not key.is_dotted()
    ]
    for place in reversed(tails):
        tables = sorting.text if place in headed[:1] else ""
        body[place : place + 1] = tomlkit.parse(tables + tails[place]).body
    return document.as_string() if headed else f"{document.as_string()}\n{sorting.text}"


def _with_comment(item: Item) -> str:
    return f"{item.as_string()}{item.trivia.comment_ws}{item.trivia.comment}"


@define
class _Sorting:
    """Collects the limits of a file as lines of the tables that they belong to."""

    renames: bool = field(default=False, init=False)  # whether any name changes
    _lines: dict[str, list[str]] = field(factory=dict, init=False)  # by table; "": ``[limits]``
    _former: dict[tuple[str, str], bool] = field(factory=dict, init=False)  # by current name
    _waiting: list[str] = field(factory=list, init=False)  # comments before the next key

    @property
    def text(self) -> str:
        """All tables, as TOML."""
        text = ""
        for table, lines in sorted(self._lines.items(), key=lambda each: each[0] != ""):
            if text and not text.endswith("\n\n"):
                text += "\n"
            text += "".join([f"[limits.{table}]\n" if table else "[limits]\n", *lines])
        return text

    def take(self, limits: Table | InlineTable) -> str:
        """Sort the keys of one ``[limits]``. Returns the comments that no key follows."""
        self._take_table(limits, "")
        tail = "".join(self._waiting)
        self._waiting.clear()
        return tail

    def _take_table(self, items: Table | InlineTable, table: str) -> None:
        self._take_header(items)
        for key, item in items.value.body:
            if key is None:
                self._take_comment(item.as_string(), table)
            elif not table and renamed.is_former(key.key, item.unwrap()):
                self.renames = True
                self._take_key(*renamed.LIMITS[key.key], item, former=True)
            elif not table and isinstance(item, Table | InlineTable):
                self._take_table(item, key.as_string().strip())
            else:
                self._take_key(table, key.as_string().strip(), item, former=False)

    def _take_header(self, items: Table | InlineTable) -> None:
        if items.trivia.comment and not (isinstance(items, Table) and items.is_super_table()):
            self._waiting.append(f"{items.trivia.comment}\n")

    def _take_comment(self, text: str, table: str) -> None:
        commented_out = None if table else _COMMENTED_OUT.fullmatch(text)
        if commented_out is not None and commented_out[2] in renamed.LIMITS:
            self.renames = True
            table, name = renamed.LIMITS[commented_out[2]]
            self._add(table, f"{commented_out[1]}{name}{commented_out[3]}")
        elif text.lstrip().startswith("#") or "\n" in text:
            self._waiting.append(text)

    def _take_key(self, table: str, name: str, item: Item, *, former: bool) -> None:
        if self._former.setdefault((table, name), former) != former:
            raise ValueError(f"limits.{table}.{name} is also given under its former name")
        if not isinstance(item, Table):
            self._add(table, f"{name} = {_with_comment(item)}\n")
            return
        self._take_header(item)
        for inner_key, inner in item.value.body:
            if inner_key is None:
                self._take_comment(inner.as_string(), table)
            else:
                name_within = f"{name}.{inner_key.as_string().strip()}"
                self._take_key(table, name_within, inner, former=former)

    def _add(self, table: str, line: str) -> None:
        self._lines.setdefault(table, []).extend([*self._waiting, line])
        self._waiting.clear()
