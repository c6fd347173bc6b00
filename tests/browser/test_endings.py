"""When the server ends a program, the cell shows the reason."""

from __future__ import annotations

import signal

import pytest

from tests.browser.relay import Relay
from tests.integration.servers import Server

pytestmark = pytest.mark.browser

ENDLESS = "print('in', flush=True)\nwhile True: pass"


def evaluate_endless(reader) -> None:
    reader.evaluate(ENDLESS)
    reader.until(lambda: "in" in reader.text(".sagecell_stdout"))
    assert reader.state == "running"


def test_an_endless_loop_is_stopped(reader):
    evaluate_endless(reader)
    assert reader.one(".sagecell_evalButton").get_attribute("aria-disabled") == "true"
    reader.one(".sagecell_stopButton").click()
    assert reader.until_over() == "stopped"
    assert not reader.one(".sagecell_stopButton").is_displayed()
    assert reader.run("print(6 * 7)") == "done"
    assert reader.text(".sagecell_stdout") == "42"


STUBBORN = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


def test_a_loop_that_will_not_be_interrupted_is_stopped_all_the_same(reader):
    reader.evaluate(STUBBORN + ENDLESS)
    reader.until(lambda: "in" in reader.text(".sagecell_stdout"))
    reader.one(".sagecell_stopButton").click()
    assert reader.until_over() == "stopped"


def test_and_at_once_at_the_second_word(shared_reader):
    reader = shared_reader
    with Server(limits={"lifetime.interrupt_grace_seconds": 600.0}) as server:
        reader.visit(server.url)
        reader.evaluate(STUBBORN + ENDLESS)
        reader.until(lambda: "in" in reader.text(".sagecell_stdout"))
        stop = reader.one(".sagecell_stopButton")
        stop.click()
        reader.until(lambda: stop.text == "Stop now")
        stop.click()
        assert reader.until_over() == "stopped"


def test_a_kernel_that_dies_is_told(reader):
    assert reader.run("import os\nos._exit(3)") == "ended"
    assert "unexpectedly" in reader.text(".sagecell_status")
    assert reader.run("print('again')") == "done"


COUNTING = """\
import time
for number in range(60):
    print(number, flush=True)
    time.sleep(0.05)
"""
COUNTED = "\n".join(map(str, range(60)))


def test_a_connection_that_is_cut_is_mended_and_nothing_is_lost(server, shared_reader):
    with Relay(server.port) as relay:
        shared_reader.visit(relay.url)
        shared_reader.evaluate(COUNTING)
        for last in ("5", "25", "45"):
            shared_reader.until(lambda last=last: last in shared_reader.text(".sagecell_stdout"))
            relay.cut()
        assert shared_reader.until_over() == "done"
        assert shared_reader.text(".sagecell_stdout") == COUNTED


def test_where_no_websocket_gets_through_plain_requests_do(server, shared_reader):
    with Relay(server.port, upgrades=False) as relay:
        shared_reader.visit(relay.url)
        assert shared_reader.run(COUNTING) == "done"
        assert shared_reader.text(".sagecell_stdout") == COUNTED


def test_a_server_that_goes_away_is_told(shared_reader):
    with Server() as server:
        shared_reader.visit(server.url)
        evaluate_endless(shared_reader)
        server.stop(signal.SIGKILL)
        shared_reader.until(lambda: shared_reader.state == "reconnecting")
        assert "Reconnecting" in shared_reader.text(".sagecell_status")
        server.start()  # and does not know the kernel
        assert shared_reader.until_over() == "lost"
        assert "Connection lost" in shared_reader.text(".sagecell_status")
        server.stop()
        shared_reader.one(".sagecell_evalButton").click()
        shared_reader.until(lambda: shared_reader.state == "away")
        assert "Trying again" in shared_reader.text(".sagecell_status")
        shared_reader.one(".sagecell_stopButton").click()
        assert shared_reader.until_over() == "stopped"


def test_a_server_that_is_drained_says_so_and_the_next_one_goes_on(shared_reader):
    with Server() as server:
        shared_reader.visit(server.url)
        evaluate_endless(shared_reader)
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        sentence = "The server is being restarted. The session ends in 300 seconds at the latest."
        shared_reader.until(lambda: sentence in shared_reader.text(".sagecell_warning"))
        assert shared_reader.state == "running"
        shared_reader.one(".sagecell_stopButton").click()
        assert shared_reader.until_over() == "stopped"
        assert server.process.wait(60) == 0
        assert [server.notice()[:8] for _ in range(2)] == [b"STATUS=d", b"STOPPING"]
        shared_reader.evaluate("print(6 * 7)")
        shared_reader.until(lambda: shared_reader.state == "away")
        server.start()
        assert shared_reader.until_over() == "done"
        assert shared_reader.text(".sagecell_stdout") == "42"
