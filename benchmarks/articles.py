"""``python -m benchmarks.articles``: an article of sixty cells on a slow phone, in Chromium.

All cells evaluate themselves, six of them are interacts, and the processor is slowed to a quarter. For
each theme, these are measured: the time until all have answered; the layout shift that no input
caused; and the tasks of more than 50 ms after the page's load, during which the page does not react.
It is a measurement, not a test.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from benchmarks import machine
from benchmarks.peers.sagecell import SagecellTx
from tests.browser.articles import long_tasks, open_sixty, shifts, until_answered
from tests.browser.author import Author
from tests.browser.book import Book
from tests.browser.chromium import start_chromium
from tests.browser.reader import Reader
from tests.browser.themes import THEMES

#: The promised maximum of the layout shift, and the aim for the longest task, in ms.
MOST_SHIFT = 0.02
LONGEST = 100.0

_TITLES = f"{'theme':<12}{'seconds':>9}{'shift':>9}{'long tasks':>12}  the longest, ms"


@frozen
class Visit:
    """What was measured of one theme; tasks are in ms."""

    theme: str
    seconds: float
    shift: float
    tasks: list[float]

    def __str__(self) -> str:
        longest = ", ".join(f"{task:.0f}" for task in sorted(self.tasks, reverse=True)[:8])
        return f"{self.theme:<12}{self.seconds:>9.1f}{self.shift:>9.4f}{len(self.tasks):>12}  {longest}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is always 0."""
    options = _options(arguments)
    # SIGTERM stops the browser and the server as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print("\n".join(machine.describe()), end="\n\n")
    visits = []
    with _author() as author:
        print(_TITLES)
        for theme in options.theme or THEMES:
            visits.append(_visit(author, theme))
            print(visits[-1], flush=True)
    shift = max(visit.shift for visit in visits)
    longest = max((task for visit in visits for task in visit.tasks), default=0.0)
    print(f"\nlayout shift {shift:.4f}, promised {MOST_SHIFT}:", _word(shift < MOST_SHIFT))
    print(f"longest task {longest:.0f} ms, aim {LONGEST:.0f} ms:", _word(longest <= LONGEST))
    return 0


@contextmanager
def _author() -> Iterator[Author]:
    """A browser, a site for articles, and a server that evaluates their cells."""
    with tempfile.TemporaryDirectory(prefix="articles-") as name, Book() as book:
        directory = Path(name)
        server = SagecellTx(directory / "sagecell")
        server.start()
        try:
            browser = start_chromium(profile=directory / "profile", downloads=directory)
            try:
                yield Author(Reader(browser, server.url, directory), book)
            finally:
                browser.quit()
        finally:
            server.stop()


def _visit(author: Author, theme: str) -> Visit:
    reader = author.reader
    with reader.on_screen(390, 844, mobile=True), reader.slowly(4):
        begun = time.monotonic()
        open_sixty(author, theme)
        until_answered(reader, 60)
        seconds = time.monotonic() - begun
        return Visit(theme, seconds, sum(shifts(reader)), long_tasks(reader))


def _word(is_kept: bool) -> str:
    return "kept" if is_kept else "BROKEN"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.articles", description=__doc__)
    parser.add_argument(
        "--theme", action="append", choices=list(THEMES), help="this theme only; may be repeated"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
