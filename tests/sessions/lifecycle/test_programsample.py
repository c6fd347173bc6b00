"""A fraction of the programs is logged, and none unless the operator wants it."""

from __future__ import annotations

import attrs
import pytest
from twisted.logger import capturedLogs, formatEvent

from sagecell_tx.sessions.lifecycle.programsample import LONGEST, ProgramSample
from sagecell_tx.wire.messages import Message
from tests.sessions.bridgeworld import BridgeWorld
from tests.sessions.samples import code


def logged(sample: ProgramSample, *requests: Message) -> list[str]:
    """What is logged of requests that are sent one after another."""
    with capturedLogs() as events:
        for request in requests:
            sample.note("k", request)
    return [formatEvent(event) for event in events]


def test_none_by_default() -> None:
    assert logged(ProgramSample(), *(code("1+1"),) * 100) == []


@pytest.mark.parametrize(("rate", "count"), [(1.0, 100), (0.5, 50), (0.03, 3)])
def test_as_many_as_the_rate_says(rate: float, count: int) -> None:
    found = logged(ProgramSample(rate), *(code("1+1"),) * 100)
    assert found == ["k: a program of the sample: 1+1"] * count


def test_only_programs() -> None:
    other = attrs.evolve(code("1+1"), msg_type="complete_request")
    assert logged(ProgramSample(1.0), other) == []


def test_what_is_none_or_too_long_is_not_logged_itself() -> None:
    malformed = attrs.evolve(code("1+1"), content=b"[")
    (found,) = logged(ProgramSample(1.0), malformed)
    assert "Not valid JSON" in found
    (found,) = logged(ProgramSample(1.0), code("x" * LONGEST))
    assert "xxx" not in found


def test_the_programs_of_a_session_are_noted() -> None:
    world = BridgeWorld(answering=True)
    world.bridge.sample = ProgramSample(1.0)
    with capturedLogs() as events:
        world.listen().attachment.send(code("print 2"))
    texts = [formatEvent(event) for event in events]
    assert [text for text in texts if text.endswith("a program of the sample: print 2")]
