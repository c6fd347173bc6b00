"""A line is cut when it says nonsense, too much at once, or is not read."""

from __future__ import annotations

import pytest
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from sagecell_tx.wire.messages import WireError
from sagecell_tx.workers.lines import UNSENT, WorkerLine
from sagecell_tx.workers.protocol import LONGEST


class Line:
    """A line in memory."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ends = 0
        self.line = WorkerLine(self.receive, self.end)
        self.transport = StringTransport()
        self.line.makeConnection(self.transport)

    def receive(self, line: bytes) -> None:
        if line == b"nonsense":
            raise WireError("invalid_line", "That is nonsense.")
        self.heard.append(line)

    def end(self) -> None:
        self.ends += 1


def test_lines_arrive_however_they_are_cut() -> None:
    line = Line()
    for part in (b"on", b"e\ntwo\nth", b"ree\n"):
        line.line.dataReceived(part)
    assert line.heard == [b"one", b"two", b"three"]
    line.line.send(b"four")
    assert line.transport.value() == b"four\n"


@pytest.mark.parametrize("said", [b"nonsense\n", b"x" * (LONGEST + 2), b"x" * LONGEST + b"xx\n"])
def test_what_makes_no_sense_cuts_it(said: bytes) -> None:
    line = Line()
    with capturedLogs() as events:
        line.line.dataReceived(said)
    assert line.transport.disconnecting or line.transport.disconnected
    assert len(events) == 1
    assert line.heard == []


def test_one_that_reads_nothing_counts_as_hung() -> None:
    line = Line()
    line.line.pauseProducing()
    line.line.send(b"x" * (UNSENT // 2))
    line.line.resumeProducing()
    line.line.pauseProducing()
    line.line.send(b"x" * (UNSENT // 2))
    assert not line.transport.disconnecting
    with capturedLogs() as events:
        line.line.send(b"x" * (UNSENT // 2))
    assert line.transport.disconnecting or line.transport.disconnected
    assert len(events) == 1


def test_after_the_end_nothing_is_sent() -> None:
    line = Line()
    line.transport.connected = False
    line.line.connectionLost()
    line.line.send(b"anything")
    assert (line.ends, line.transport.value()) == (1, b"")
    WorkerLine(line.receive, line.end).send(b"before the beginning")
