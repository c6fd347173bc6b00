"""Pages with cells as their authors see them."""

from __future__ import annotations

from typing import Any

from tests.browser.book import Book
from tests.browser.reader import OVER, Reader


class Author:
    """Opens pages of a book whose cells are evaluated by another server."""

    def __init__(self, reader: Reader, book: Book) -> None:
        self.reader = reader
        self.book = book
        self.cells = reader.url
        self.script = f'<script src="{self.cells}/static/embedded_sagecell.js"></script>'

    def open(self, head: str, body: str, *, policy: str = "", cells: int = 1) -> None:
        """Open a page and wait until it has `cells` cells with editors."""
        self.reader.browser.get(self.book.page(head, body, policy=policy))
        self.until_cells(cells)

    def until_cells(self, count: int) -> None:
        """Wait until the page has `count` cells with editors."""
        self.reader.until(lambda: len(self.reader.all(".sagecell_input")) == count)
        # Until then the layout may still move what is clicked.
        self.reader.until(lambda: not self.reader.all(".sagecell_loading:not([hidden])"))

    def cell(self, selector: str) -> Any:
        """The first element that matches."""
        return self.reader.one(selector)

    def evaluate(self, selector: str) -> str:
        """Press a cell's button and wait for the end; returns what the program printed."""
        self.reader.one(f"{selector} .sagecell_evalButton").click()
        return self.until_over(selector)

    def until_over(self, selector: str) -> str:
        """Wait until a cell's program has ended; returns what it printed."""

        def printed() -> list[str]:
            over = self.state(selector) in OVER and self.reader.has_drawn(selector)
            return [self.reader.text(f"{selector} .sagecell_stdout")] if over else []

        return self.reader.until(printed)[0]

    def state(self, selector: str) -> str:
        """The state that a cell shows."""
        return str(self.reader.one(f"{selector} .sagecell_status").get_attribute("data-state"))

    def strangers(self) -> list[str]:
        """URLs of requests to servers other than the book's and the cells'."""
        servers = (self.cells, self.cells.replace("http:", "ws:"), self.book.url)
        return [
            url
            for url in self.reader.sent_urls_beside("http://nobody")
            if not url.startswith(servers)
        ]
