"""A large amount of output, for a client that reads and for one that pauses."""

from __future__ import annotations

import pytest

from tests.integration.script import Client, Message, ends, reply, text
from tests.integration.waiting import pause

pytestmark = pytest.mark.integration

MIB = 1 << 20

DISPLAYS = 50_000
DISPLAY = f"for n in range({DISPLAYS}): display(n)"

LENGTH = 50_000_000
PRINT = f"print('0123456789' * {LENGTH // 10})"
SHOW = f"from IPython.display import Markdown\nMarkdown('0123456789' * {LENGTH // 10})"


def read(client, code, rest_after=None):
    """All messages of one execution, with a pause of 3 s after some of them."""
    msg_id = client.execute(code)
    messages: list[Message] = []
    while not (messages and ends(messages[-1], msg_id)):
        messages.append(client.receive())
        if len(messages) == rest_after:
            pause(3)
    return messages


@pytest.mark.parametrize("rest_after", [None, 1000], ids=["fast", "resting"])
def test_fifty_thousand_displays_arrive_complete_and_in_order(server, rest_after):
    before = server.web.memory_info().rss
    with Client(server.url) as client:
        messages = read(client, DISPLAY, rest_after)
    shown = [
        m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "display_data"
    ]
    assert shown == [str(n) for n in range(DISPLAYS)]
    assert reply(messages)["status"] == "ok"
    assert server.web.memory_info().rss - before < 150 * MIB


@pytest.mark.parametrize("rest_after", [None, 10], ids=["fast", "resting"])
def test_fifty_megabytes_of_print_arrive_complete_and_in_order(server, rest_after):
    before = server.web.memory_info().rss
    with Client(server.url) as client:
        messages = read(client, PRINT, rest_after)
    assert text(messages) == "0123456789" * (LENGTH // 10) + "\n"
    assert server.web.memory_info().rss - before < 150 * MIB


def test_fifty_megabytes_in_one_message(server):
    before = server.web.memory_info().rss
    with Client(server.url) as client:
        messages = read(client, SHOW)
    (shown,) = [m["content"]["data"] for m in messages if m["msg_type"] == "execute_result"]
    assert shown["text/markdown"] == "0123456789" * (LENGTH // 10)
    assert server.web.memory_info().rss - before < 150 * MIB


def test_others_are_answered_while_a_burst_runs(server):
    with Client(server.url) as loud, Client(server.url, timeout="60") as quiet:
        loud.execute(DISPLAY)
        loud.until(lambda message: message["msg_type"] == "display_data")
        # The burst waits for a reader; the quiet session does not wait for the burst.
        for n in range(20):
            assert text(quiet.run(f"print({n})")) == f"{n}\n"
