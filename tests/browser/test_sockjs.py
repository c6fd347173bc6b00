"""The real sockjs-client in Chromium, by each transport that it has there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.browser.reader import Reader
from tests.integration.servers import Server
from tests.integration.sockjstalk import PROGRAMS, SCRIPT, expected, start_kernel

pytestmark = pytest.mark.browser

#: Puts the client's script, which the server has, into the page that is open.
_LOAD = """
const done = arguments[1], script = document.createElement("script");
script.src = arguments[0];
script.onload = () => done(true);
script.onerror = () => done(false);
document.head.append(script);
"""

_TALK = """
const done = arguments[arguments.length - 1], told = [...arguments].slice(0, -1);
converse(SockJS, ...told).then(done, (error) => done({ error: String(error) }));
"""


class Book(SimpleHTTPRequestHandler):
    """Serves files and keeps silent about it."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page of somebody else's; gives its address."""
    directory: Path = tmp_path_factory.mktemp("book")
    page = "<!doctype html><title>A book</title><link rel=icon href=data:,><p>A page of it."
    (directory / "index.html").write_text(page, encoding="utf-8")
    serving = ThreadingHTTPServer(("127.0.0.1", 0), partial(Book, directory=str(directory)))
    thread = Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}/"
    serving.shutdown()
    thread.join()
    serving.server_close()


def talk(reader: Reader, server: Server, page: str, transport: str) -> Any:
    """What is heard by that transport on that page."""
    browser = reader.browser
    browser.set_script_timeout(120)
    browser.get(page)
    assert browser.execute_async_script(_LOAD, f"{server.url}/static/sockjs.min.js")
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
    shared_reader: Reader, server: Server, book: str, transport: str
) -> None:
    """contract: 1.21, 3.1, 3.3, 3.4"""
    assert talk(shared_reader, server, book, transport) == expected(transport)
    server.until_quiet()


def test_the_same_conversation_in_an_endless_page(shared_reader: Reader, server: Server) -> None:
    """The htmlfile transport is for pages of the server's own. contract: 1.21"""
    heard = talk(shared_reader, server, f"{server.url}/sockjs", "htmlfile")
    assert heard == expected("htmlfile")
    server.until_quiet()
