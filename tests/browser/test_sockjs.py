"""The real sockjs-client in Chromium, by each transport that it supports there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.book import Book
from tests.browser.reader import Reader
from tests.integration.servers import Server
from tests.integration.sockjstalk import PROGRAMS, SCRIPT, expected, start_kernel

pytestmark = pytest.mark.browser

_TALK = """
const done = arguments[arguments.length - 1], told = [...arguments].slice(0, -1);
converse(SockJS, ...told).then(done, (error) => done({ error: String(error) }));
"""


def talk(reader: Reader, server: Server, page: str, transport: str) -> Any:
    """The messages by that transport on that page."""
    browser = reader.browser
    browser.set_script_timeout(120)
    browser.get(page)
    reader.load(f"{server.url}/static/sockjs.min.js")
    kernel_id = start_kernel(server.url)
    source = SCRIPT.read_text(encoding="utf-8")
    return browser.execute_async_script(source + _TALK, server.url, kernel_id, transport, PROGRAMS)


@pytest.mark.parametrize(
    "transport",
    [
        "websocket",
        "xhr-streaming",
        "eventsource",
        "iframe-eventsource",
        "iframe-htmlfile",
        "xhr-polling",
        "iframe-xhr-polling",
        "jsonp-polling",
    ],
)
def test_the_same_conversation_on_a_page_from_elsewhere(
    shared_reader: Reader, server: Server, book: Book, transport: str
) -> None:
    """contract: 1.21, 3.1, 3.3, 3.4"""
    page = book.page("", "A page of a book")
    assert talk(shared_reader, server, page, transport) == expected(transport)
    server.until_quiet()


def test_the_same_conversation_in_an_endless_page(shared_reader: Reader, server: Server) -> None:
    """The htmlfile transport works only on the server's own pages. contract: 1.21"""
    heard = talk(shared_reader, server, f"{server.url}/sockjs", "htmlfile")
    assert heard == expected("htmlfile")
    server.until_quiet()
