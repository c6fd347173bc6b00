"""Conversations over SockJS that a network cuts off, and what may be heard of them."""

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

#: Text, a value, an error, and numbers without an end: only a cut ends the conversation.
PROGRAMS = [
    "print('\u0394 100%')",
    "6 * 7",
    "1/0",
    "import itertools\nfor n in itertools.count(): print(n)",
]

#: All that can be heard in less bytes than `FARTHEST`.
WHOLE = "".join(
    f"[status busy][execute_input ]{said}[execute_reply {status}][status idle]"
    for said, status in [
        ("\u0394 100%\n", "ok"),
        ("[execute_result 42]", "ok"),
        ("[error ZeroDivisionError]", "error"),
    ]
) + "".join(["[status busy][execute_input ]", *[f"{n}\n" for n in range(100_000)]])

#: Where the farthest cut may be, in bytes of both ways.
FARTHEST = 24_000


def impatient_server() -> Server:
    """A server that soon forgets who is gone."""
    return Server(
        ready=2, limits={"sockjs.disconnect_seconds": 1.0, "lifetime.unclaimed_seconds": 6.0}
    )


@contextmanager
def cut_relays(server: Server, transport: str, more: int = 0) -> Iterator[list[Relay]]:
    """Ten relays, each of which cuts at its place; every second one is away afterwards.

    `more` bytes may pass before the conversation. With transports that poll, all are away: their
    responses are complete when they are lost, and browsers ask again on their own, so that
    neither side learns that anything is missing.
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
    """Each heard a beginning of the whole, nothing of it twice, and then one close."""
    for each, relay in zip(told, relays, strict=True):
        assert relay.cuts > 0, "only a cut ends it"
        assert WHOLE.startswith(each["text"]), (relay, each)
        assert len(each["closes"]) in closes, (relay, each)
        assert each["after"] == "", (relay, each)
    assert len({each["text"] for each in told}) > 1, "they were cut at different places"


def check_nothing_is_left(server: Server, relays: list[Relay]) -> None:
    """No kernel, process, directory, connection or complaint."""
    server.until_quiet()
    for relay in relays:
        relay.cut()  # clients keep connections for later
    until(lambda: connections(server) == 0)
    assert "Traceback" not in server.log()


def connections(server: Server) -> int:
    """How many connections the server has with clients."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
        for connection in server.web.net_connections("tcp")
    )
