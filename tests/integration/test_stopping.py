"""One press of Stop stops any program; only a program that ignores it costs the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.script import Client, ends, reply, text
from tests.integration.servers import Server, all_gone
from tests.integration.waiting import pause, until
from tests.processtree import name_of

pytestmark = pytest.mark.integration

#: The first interrupt ends the wait and is swallowed, so that the code after it runs.
SWALLOW = """
import time
print('in', flush=True)
try:
    while True:
        time.sleep(0.01)
except KeyboardInterrupt:
    pass
"""

#: Holds the interpreter, so that the kernel cannot read requests; checks for signals.
EXPRESSION = "import re\nre.match('(a+)+$', 'a' * 60 + 'b')"

#: Holds the interpreter and never checks for signals.
C_LOOP = "import collections, itertools\ncollections.deque(itertools.repeat(0), maxlen=0)"

IGNORING = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
STUBBORN = (
    "while True:\n    try:\n        time.sleep(0.01)\n    except KeyboardInterrupt:\n        pass"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with a short grace period for interrupts."""
    with Server(limits={"lifetime.interrupt_grace_seconds": 2.0}) as impatient:
        yield impatient
        impatient.until_quiet()


def stopped(client: Client, program: str) -> str:
    """Run a program that prints first, and press Stop once; returns the request's id."""
    msg_id = client.execute(program)
    client.until(lambda message: message["msg_type"] == "stream")
    client.send("interrupt_request", {}, "control")
    return msg_id


@pytest.mark.parametrize(
    "program", ["print('in', flush=True)\nwhile True: pass", SWALLOW + EXPRESSION]
)
def test_what_heeds_a_signal_keeps_its_session(server: Server, program: str) -> None:
    with Client(server.url, timeout="600") as client:
        client.run("kept = 42")
        msg_id = stopped(client, program)
        said = client.until(lambda message: ends(message, msg_id))
        assert reply(said)["ename"] == "KeyboardInterrupt"
        assert text(client.run("print(kept)")) == "42\n"


def test_what_stopped_is_not_killed_because_its_reader_is_behind(server: Server) -> None:
    server.until_quiet()
    client = Client(server.url, timeout="600")
    client.execute("while True:\n    print('x' * 10_000)")
    client.until(lambda message: message["msg_type"] == "stream")
    kernels = server.kernels()
    pause(1)  # the program waits for its reader
    client.send("interrupt_request", {}, "control")
    pause(5)  # longer than the grace period for interrupts
    assert set(kernels) <= set(server.kernels())
    client.drop()
    server.until_quiet()


@pytest.mark.parametrize(
    "program",
    [IGNORING + "print('in', flush=True)\nwhile True: pass", SWALLOW + STUBBORN, SWALLOW + C_LOOP],
)
def test_what_heeds_nothing_is_killed_with_all_it_started(server: Server, program: str) -> None:
    # In another process session, which the SIGINT does not reach.
    start_child = "import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)"
    with Client(server.url, timeout="600") as other, Client(server.url, timeout="600") as client:
        client.run(start_child)
        children = server.web.children(recursive=True)
        (child,) = [process for process in children if name_of(process) == "sleep"]
        stopped(client, program)
        said = list(client.receive_all())
        assert said[-1]["content"]["execution_state"] == "dead"
        assert said[-1]["content"]["reason"] == "stopped"
        until(all_gone([child]))
        assert text(other.run("print('on')")) == "on\n"
