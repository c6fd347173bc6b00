"""The real sockjs-client in Chromium, cut off at ten positions, by each transport there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.book import Book
from tests.browser.reader import Reader
from tests.browser.relay import Relay
from tests.integration.servers import Server
from tests.integration.sockjscuts import (
    CUTS,
    PROGRAMS,
    check,
    check_nothing_is_left,
    cut_relays,
    impatient_server,
)
from tests.integration.waiting import until

pytestmark = pytest.mark.browser

_LISTEN = """
const [transport, server, ways, programs] = arguments;
const open = by(SockJS, transport);
window.heard = ways.map(blank);
window.over = false;
Promise.all(ways.map((way, i) => listen(open, server, way, programs, window.heard[i]))).then(
  () => { window.over = true; },
  (error) => { window.over = String(error); },
);
"""

#: The size of the page for iframe transports, with its script; a cut may fall into it too.
FRAME = 18_000

#: Chromium reports neither success nor failure for a page that is cut off.
NEVER_TOLD = {"iframe-htmlfile"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with short deadlines for clients that are gone."""
    with impatient_server() as impatient:
        yield impatient


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
def test_cut_at_ten_places(shared_reader: Reader, server: Server, transport: str) -> None:
    """contract: 1.21, 3.3"""
    script = '<script src="/npm/sockjs-client/dist/sockjs.min.js"></script>'
    more = FRAME if transport.startswith("iframe") else 0
    with Book() as book, Relay(server.port) as aside, cut_relays(server, transport, more) as relays:
        shared_reader.browser.get(book.page(script, "A page of a book"))
        source = CUTS.read_text(encoding="utf-8") + _LISTEN
        ways = [relay.url for relay in relays]
        shared_reader.javascript(source, transport, aside.url, ways, PROGRAMS)
        until(lambda: all(relay.cuts for relay in relays))
        check_nothing_is_left(server, [aside, *relays])
        for relay in relays:
            relay.away = relay.leaves = False
        if transport not in NEVER_TOLD:
            over = shared_reader.until(lambda: shared_reader.javascript("return window.over"))
            assert over is True
        heard = shared_reader.javascript("return window.heard")
    check(heard, relays, closes=frozenset({0, 1} if transport in NEVER_TOLD else {1}))


def test_an_endless_page_cut_at_ten_places(shared_reader: Reader, server: Server) -> None:
    """The htmlfile transport works only on the server's own pages. contract: 1.21, 3.3"""
    browser = shared_reader.browser
    home = browser.current_window_handle
    tabs: list[str] = []
    heard: list[dict[str, Any]] = []
    with Relay(server.port) as aside, cut_relays(server, "htmlfile") as relays:
        for relay in relays:
            most, relay.most = relay.most, None  # the page itself is not cut
            browser.switch_to.new_window("tab")
            tabs.append(browser.current_window_handle)
            browser.get(f"{relay.url}/sockjs")
            shared_reader.load(f"{aside.url}/static/sockjs.min.js")
            relay.most = most
            source = CUTS.read_text(encoding="utf-8") + _LISTEN
            shared_reader.javascript(source, "htmlfile", aside.url, [relay.url], PROGRAMS)
        until(lambda: all(relay.cuts for relay in relays))
        check_nothing_is_left(server, [aside, *relays])
        for tab in tabs:
            browser.switch_to.window(tab)
            heard += shared_reader.javascript("return window.heard")
            browser.close()
    browser.switch_to.window(home)
    check(heard, relays, closes=frozenset({0, 1}))
