"""The manuals of Maxima and Singular, which are files in the format of Info beside Sage's programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

#: A line of Maxima's own index: a name, the file, its offset in bytes, and its length.
_INDEXED = re.compile(rb'^\("([^\W\d]\w*)" \. \("(maxima\.info-\d)" (\d+) (\d+) "', re.MULTILINE)

#: The first line of a node about one function, which comes after the sign that ends the last node.
_NODE = re.compile(rb"\x1f\nFile: singular\.info,  Node: ([^\W\d]\w*),[^\n]*\n(?=[^\x1f])")

_END_OF_NODE = b"\x1f"


@frozen
class Passage:
    """A part of a file, in bytes."""

    path: Path
    start: int
    length: int

    def read(self) -> str:
        """Its text; raises OSError."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length).decode("utf-8", "replace").strip()


@frozen
class Manual:
    """What a manual says about names."""

    passages: Mapping[str, Passage]

    def meaning(self, name: str) -> str:
        """The passage about a name; "" if there is none, or if it cannot be read."""
        passage = self.passages.get(name)
        try:
            return "" if passage is None else passage.read()
        except OSError:
            return ""


def of_maxima() -> Manual:
    """Maxima's manual; an empty one if it is not there."""
    directory = _directory()
    return Manual(
        {
            name.decode(): Passage(directory / file.decode(), int(start), int(length))
            for name, file, start, length in _INDEXED.findall(
                _content(directory, "maxima-index.lisp")
            )
        }
    )


def of_singular() -> Manual:
    """Singular's manual; an empty one if it is not there."""
    directory = _directory()
    content = _content(directory, "singular.info")
    passages = {}
    for node in _NODE.finditer(content):
        end = content.find(_END_OF_NODE, node.end())
        length = (end if end >= 0 else len(content)) - node.end()
        passages[node[1].decode()] = Passage(directory / "singular.info", node.end(), length)
    return Manual(passages)


def _directory() -> Path:
    """Where the manuals are."""
    found = find_spec("sage_wheels")
    places = None if found is None else found.submodule_search_locations
    return Path(next(iter(places or ("",)))) / "share" / "info"


def _content(directory: Path, name: str) -> bytes:
    try:
        return (directory / name).read_bytes()
    except OSError:
        return b""
