"""Programs that write to their kernel's own connections instead of ZMQ."""

from __future__ import annotations

import pytest

from tests.integration.script import Client, text
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

#: Finds the kernel's end of the connection to one of its sockets.
FIND = """\
import os, socket, struct

def connection(name):
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            found = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        try:
            if found.family == socket.AF_UNIX and found.getsockname().endswith(name):
                found.getpeername()
                found.setblocking(True)
                return found
        except OSError:
            pass
        found.close()

"""

#: Parts of a message that never ends: each is long and announces another one.
ENDLESS = """\
part = struct.pack(">BQ", 3, 1 << 20) + bytes(1 << 20)
there = connection({name!r})
for _ in range(4000):
    there.sendall(part)
"""

#: Well-formed messages without a request, as fast as possible.
FLOOD = """\
part = struct.pack(">BQ", 2, 1 << 20) + bytes(1 << 20)
there = connection({name!r})
for _ in range(500):
    there.sendall(part)
there.setblocking(False)
print("sent")
"""

#: Replies with the kernel's signature to requests that do not exist, until they are not read.
REPLIES = """\
session = get_ipython().kernel.session
reply = session.msg("execute_reply", {"status": "ok", "x": "x" * (1 << 20)})
said = b""
parts = session.serialize(reply)
for n, part in enumerate(parts, 1):
    said += struct.pack(">BQ", 2 | (n < len(parts)), len(part)) + part
there = connection("k-1")
there.settimeout(3)
try:
    for _ in range(300):
        there.sendall(said)
finally:
    os._exit(0)
"""

#: A bound of the server's growth, in bytes: a message of maximum size, and overhead.
ROOM = 200 << 20


def begin(client: Client) -> None:
    """Run a program, and let the server connect to control, which it does when that is needed."""
    client.run("print(1)")
    client.send("interrupt_request", {}, "control")
    client.until(lambda message: message["msg_type"] == "interrupt_reply")


@pytest.mark.parametrize("name", ["k-1", "k-2", "k-3", "k-4"])
def test_a_message_without_end(server, bystander, name):
    told = server.log().count("broke the protocol on")
    with Client(server.url, timeout="60") as client:
        begin(client)
        before = server.web.memory_info().rss
        client.execute(FIND + ENDLESS.format(name=name))
        said = list(client.receive_all())
        assert said[-1]["content"]["execution_state"] == "dead"
        assert said[-1]["content"]["reason"] == "protocol"
        assert server.web.memory_info().rss - before < ROOM
    until(lambda: server.log().count("broke the protocol on") == told + 1)


@pytest.mark.parametrize("name", ["k-1", "k-2", "k-3", "k-4"])
def test_a_flood_of_what_is_no_message(server, bystander, name):
    """Well-formed messages are read and dropped, without an effect on others."""
    with Client(server.url, timeout="60") as client:
        begin(client)
        before = server.web.memory_info().rss
        assert "sent" in text(client.run(FIND + FLOOD.format(name=name)))
        assert server.web.memory_info().rss - before < ROOM


def test_replies_that_nobody_reads(own_server):
    """There are more replies than requests, so they wait in the kernel."""
    server = own_server
    client = Client(server.url, timeout="60")
    client.run("print(1)")
    before = server.web.memory_info().rss
    client.execute(FIND + REPLIES)
    until(lambda: not server.kernels())
    assert server.web.memory_info().rss - before < ROOM
    said = list(client.receive_all())
    assert said[-1]["content"]["execution_state"] == "dead"
    replies = [message for message in said if message["msg_type"] == "execute_reply"]
    assert all(len(message["content"]["x"]) == 1 << 20 for message in replies)
    assert 1 < len(replies) < 100
    client.close()


def test_the_servers_ends_are_nowhere_to_be_found(server, bystander):
    relays = server.state / "kernels" / "relay"
    assert relays.is_dir()
    look = f"import os\ntry: print(os.listdir({str(relays)!r}))\nexcept OSError: print('nothing')"
    assert text(bystander.run(look)) == "nothing\n"
