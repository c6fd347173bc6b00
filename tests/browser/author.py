"""What a page with cells shows, to those who wrote it."""

from __future__ import annotations

from typing import Any

from tests.browser.book import Book
from tests.browser.reader import OVER, Reader


class Author:
    """A reader of pages in a book whose cells another server evaluates."""

    def __init__(self, reader: Reader, book: Book) -> None:
        self.reader = reader
        self.book = book
        self.cells = reader.url
        self.script = f'<script src="{self.cells}/static/embedded_sagecell.js"></script>'

    def open(self, head: str, body: str, *, policy: str = "", cells: int = 1) -> None:
        """Open a page and wait until it has so many cells, with their editors."""
        self.reader.browser.get(self.book.page(head, body, policy=policy))
        self.until_cells(cells)

    def until_cells(self, count: int) -> None:
        """Wait until the page has so many cells, with their editors."""
        self.reader.until(lambda: len(self.reader.all(".sagecell_input")) == count)
        # What is clicked before may have moved by then.
        self.reader.until(lambda: not self.reader.all(".sagecell_loading:not([hidden])"))

    def cell(self, selector: str) -> Any:
        """The first element that is a cell and fits."""
        return self.reader.one(selector)

    def evaluate(self, selector: str) -> str:
        """Press a cell's button and wait for the end; gives what the program printed."""
        self.reader.one(f"{selector} .sagecell_evalButton").click()
        return self.until_over(selector)

    def until_over(self, selector: str) -> str:
        """Wait until a cell's program has ended; gives what it printed."""
        self.reader.until(lambda: self.state(selector) in OVER and self.reader.has_drawn(selector))
        return self.reader.text(f"{selector} .sagecell_stdout")

    def state(self, selector: str) -> str:
        """The state that a cell shows."""
        return str(self.reader.one(f"{selector} .sagecell_status").get_attribute("data-state"))

    def strangers(self) -> list[str]:
        """What was asked of anybody but the book and the cells' server."""
        servers = (self.cells, self.cells.replace("http:", "ws:"), self.book.url)
        return [
            url
            for url in self.reader.sent_urls_beside("http://nobody")
            if not url.startswith(servers)
        ]
