"""What was expected of a cell beside what came: every difference, in words."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence

import attrs
from attrs import frozen
from PIL import Image

from tests.sage.cells import Cell, Expected, Shown
from tests.sage.outcomes import Data, Outcome

#: Types of pictures, by what the corpus calls them.
_PICTURES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "apng": "image/apng",
}

#: A frame whose page is a file of the kernel, or in the HTML.
_SCENE = re.compile(r"<iframe[^>]+(cell://[^>]+\.html|three)", re.IGNORECASE)

#: The error of a cell in a language whose program is not installed.
_NOT_INSTALLED = "NotInstalled: ... is not installed on this server."

#: How much of a text is printed.
_MOST = 1500


@frozen
class Difference:
    """Where something else came: `part` is a key of the corpus."""

    part: str
    expected: str
    came: str

    def of(self, whole: str) -> Difference:
        """The same, as a difference of a part of a whole."""
        return attrs.evolve(self, part=f"{whole}, {self.part}")

    def __str__(self) -> str:
        texts = (("expected", self.expected), ("came", self.came))
        return "\n".join([f"  {self.part}", *(_indented(*text) for text in texts)])


def _indented(title: str, text: str) -> str:
    cut = text if len(text) <= _MOST else f"{text[:_MOST]} [{len(text)} characters]"
    lines = cut.strip("\n").split("\n")
    return "\n".join(f"    {title if not n else '':9} {line}" for n, line in enumerate(lines))


def matches(pattern: str, text: str) -> bool:
    """Whether the whole `text` matches: ``...`` is any text, white space is any white space."""
    expression = ".*".join(re.escape(_folded(part)) for part in pattern.split("..."))
    return re.fullmatch(expression, _folded(text), re.DOTALL) is not None


def contains(pattern: str, text: str) -> bool:
    """Whether a part of `text` matches."""
    return matches(f"...{pattern}...", text)


def _folded(text: str) -> str:
    return " ".join(text.split())


def is_installed(cell: Cell, outcome: Outcome) -> bool:
    """Whether the cell's program is installed; if not, a sentence about that came instead."""
    return not (cell.program and matches(_NOT_INSTALLED, outcome.error))


def compare(cell: Cell, outcomes: Sequence[Outcome]) -> Iterator[Difference]:
    """All differences of a cell, and of as many of its updates as were run."""
    yield from differences(cell.expected, outcomes[0])
    for update, outcome in zip(cell.updates, outcomes[1:], strict=False):
        for difference in differences(update.expected, outcome):
            yield difference.of(f"after {dict(update.values)}")


def differences(expected: Expected, outcome: Outcome) -> Iterator[Difference]:
    """All differences, none if everything came as expected."""
    if outcome.ended:
        yield Difference("the end", "a reply", outcome.ended)
    for part in ("stdout", "stderr", "result", "error"):
        pattern, text = getattr(expected, part), getattr(outcome, part)
        if not matches(pattern, text):
            yield Difference(part, pattern, text)
    if not contains(expected.traceback, outcome.traceback):
        yield Difference("traceback", expected.traceback, outcome.traceback)
    if dict(expected.controls) != outcome.controls:
        yield Difference("controls", _listed(expected.controls), _listed(outcome.controls))
    if list(expected.files) != outcome.files:
        yield Difference("files", " ".join(expected.files), " ".join(outcome.files))
    for number, (shown, data) in enumerate(zip(expected.shown, outcome.shown, strict=False), 1):
        for difference in _different_display(shown, data):
            yield difference.of(f"shown {number}")
    if len(expected.shown) != len(outcome.shown):
        kinds = "\n".join(" ".join(sorted(data)) for data in outcome.shown)
        yield Difference("shown", f"{len(expected.shown)} displays", kinds or "none")


def _listed(controls: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {kind}" for name, kind in sorted(controls.items()))


def _different_display(shown: Shown, data: Data) -> Iterator[Difference]:
    kinds = " ".join(sorted(data))
    if shown.picture:
        kind = _PICTURES[shown.picture]
        if kind not in data:
            yield Difference("picture", kind, kinds)
        elif shown.size and not _close(shown.size, came := _opened(data[kind]).size):
            yield Difference("size", "{} x {}".format(*shown.size), "{} x {}".format(*came))
    if shown.animation:
        frames = max((_frames(data, kind) for kind in _PICTURES.values()), default=0)
        if frames != shown.animation:
            yield Difference("animation", f"{shown.animation} frames", f"{frames} frames: {kinds}")
    html, latex = data.get("text/html", ""), data.get("text/latex", "")
    if shown.scene and not _SCENE.search(html):
        yield Difference("scene", "a frame with three.js", html or kinds)
    if shown.html and not contains(shown.html, html):
        yield Difference("html", shown.html, html or kinds)
    if shown.latex and not (contains(shown.latex, latex) or contains(shown.latex, html)):
        yield Difference("latex", shown.latex, latex or html or kinds)
    if shown.text and not matches(shown.text, data.get("text/plain", "")):
        yield Difference("text", shown.text, data.get("text/plain", "none"))
    if missing := set(shown.also) - set(data):
        yield Difference("also", " ".join(sorted(missing)), kinds)


def _opened(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def _frames(data: Data, kind: str) -> int:
    if kind not in data or kind == _PICTURES["svg"]:
        return 0
    return int(getattr(_opened(data[kind]), "n_frames", 1))


def _close(expected: tuple[int, int], came: tuple[int, int]) -> bool:
    return all(abs(one - two) <= one / 10 for one, two in zip(expected, came, strict=True))
