"""Fixtures: a server, and browsers that open its page or an author's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.author import Author
from tests.browser.book import Book
from tests.browser.chromium import start_chromium
from tests.browser.reader import Reader
from tests.integration.servers import Server

OpenReader = Callable[[], Reader]


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """The server that these tests share. Its completer ends soon: some tests count kernels."""
    with Server(ready=1, preload=None, limits={"lifetime.completer_idle_seconds": 1.0}) as shared:
        yield shared


@pytest.fixture(scope="module")
def open_reader(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenReader]:
    """Opens browsers, each with a fresh profile, and closes them at the end."""
    with ExitStack() as opened:

        def open_one() -> Reader:
            profile: Path = tmp_path_factory.mktemp("profile")
            downloads: Path = tmp_path_factory.mktemp("downloads")
            browser = start_chromium(profile=profile, downloads=downloads)
            opened.callback(browser.quit)
            return Reader(browser, server.url, downloads)

        yield open_one


@pytest.fixture(scope="module")
def shared_reader(open_reader: OpenReader) -> Reader:
    """The browser that the tests of a module share."""
    return open_reader()


@pytest.fixture
def reader(shared_reader: Reader, server: Server) -> Iterator[Reader]:
    """A reader on the page's empty cell; checks that all requests went to the server."""
    shared_reader.start_afresh()
    yield shared_reader
    assert shared_reader.sent_urls_beside(server.url) == []


@pytest.fixture(scope="package")
def book() -> Iterator[Book]:
    """A site of pages with cells."""
    with Book() as site:
        yield site


@pytest.fixture
def author(shared_reader: Reader, book: Book) -> Iterator[Author]:
    """Opens pages; checks that no other server was contacted and the console is clean."""
    shared_reader.browser.get("about:blank")
    shared_reader.browser.get_log("performance")
    shared_reader.browser.get_log("browser")
    author = Author(shared_reader, book)
    yield author
    assert shared_reader.complaints() == []
    assert author.strangers() == []
