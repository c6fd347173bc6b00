"""Conversations over SockJS that are cut off, and the messages that may arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.browser.relay import Relay
from tests.integration.servers import Server
from tests.integration.waiting import until

CUTS = Path(__file__).with_name("sockjs_cuts.cjs")

#: Text, a value, an error, and endless numbers: only a cut ends the conversation.
PROGRAMS = [
    "print('\u0394 100%')",
    "6 * 7",
    "1/0",
    "import itertools\nfor n in itertools.count(): print(n)",
]

#: All messages, as text; more than `FARTHEST` bytes.
WHOLE = "".join(
    f"[status busy][execute_input ]{said}[execute_reply {status}][status idle]"
    for said, status in [
        ("\u0394 100%\n", "ok"),
        ("[execute_result 42]", "ok"),
        ("[error ZeroDivisionError]", "error"),
    ]
) + "".join(["[status busy][execute_input ]", *[f"{n}\n" for n in range(100_000)]])

#: The latest position of a cut, in bytes of both directions.
FARTHEST = 24_000


def impatient_server() -> Server:
    """A server with short deadlines for clients that are gone."""
    return Server(
        ready=2, limits={"sockjs.disconnect_seconds": 1.0, "lifetime.unclaimed_seconds": 6.0}
    )


@contextmanager
def cut_relays(server: Server, transport: str, more: int = 0) -> Iterator[list[Relay]]:
    """Ten relays, each of which cuts at a random position; every second one is away afterwards.

    `more` bytes may pass before the conversation. With transports that poll, all are away: their
    responses are complete when they are lost, and browsers repeat requests on their own, so that
    neither side notices that anything is missing.
    """
    random, polls = Random(transport), transport.endswith("polling")
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Relay(
                    server.port,
                    most=random.randrange(1, more + FARTHEST),
                    leaves=polls or number % 2 == 1,
                )
            )
            for number in range(10)
        ]


def check(
    told: list[dict[str, Any]], relays: list[Relay], closes: frozenset[int] = frozenset({1})
) -> None:
    """Check that each client got a prefix of `WHOLE`, without repetition, and then one close."""
    for each, relay in zip(told, relays, strict=True):
        assert relay.cuts > 0, "only a cut may end it"
        assert WHOLE.startswith(each["text"]), (relay, each)
        assert len(each["closes"]) in closes, (relay, each)
        assert each["after"] == "", (relay, each)
    assert len({each["text"] for each in told}) > 1, "they were cut at different places"


def check_nothing_is_left(server: Server, relays: list[Relay]) -> None:
    """Check that no kernel, process, directory or connection is left, and no traceback logged."""
    server.until_quiet()
    for relay in relays:
        relay.cut()  # clients keep connections open for reuse
    until(lambda: connections(server) == 0)
    assert "Traceback" not in server.log()


def connections(server: Server) -> int:
    """The number of the server's connections with clients."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
        for connection in server.web.net_connections("tcp")
    )
