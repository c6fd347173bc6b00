"""A deadline is announced before it comes: once, and only where and when that is of use."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from sagecell_tx.sessions.endreasons import Reason
from tests.sessions.samples import code
from tests.sessions.sessioncase import LIMITS as SESSION_LIMITS
from tests.sessions.sessioncase import SessionTests

from .living import (
    CLEAN,
    IDLE,
    LIMITS,
    Living,
    busy,
    dead,
    detached,
    idle,
    lived,
    starting,
    stopping,
    unclaimed,
)

AHEAD = LIMITS.warning_seconds
IDLE_WARNING = (Reason.IDLE, AHEAD)
LIFETIME_WARNING = (Reason.LIFETIME, AHEAD)


def test_an_idle_kernel_is_warned_of():
    living = lived(idle)
    living.clock.advance(IDLE - AHEAD - 0.1)
    assert living.effects.warnings == []
    living.clock.advance(0.1)
    assert living.effects.warnings == [IDLE_WARNING]
    living.clock.advance(AHEAD)
    assert living.effects.done == ["asked"]
    assert living.effects.warnings == [IDLE_WARNING]


def test_a_deadline_that_moves_is_told_anew_and_not_twice():
    living = lived(idle)
    for _ in range(3):
        living.clock.advance(IDLE - 1)
        living.life.work_began()
        living.clock.advance(IDLE)
        living.life.work_finished()
    assert living.effects.warnings == [IDLE_WARNING] * 3
    living.clock.advance(IDLE - AHEAD - 1)
    assert living.effects.warnings == [IDLE_WARNING] * 3


@pytest.mark.parametrize("state", [idle, busy, detached])
def test_old_age_is_told_once_whatever_the_kernel_does(state: Callable[[Living], None]):
    living = lived(busy)
    living.clock.advance(LIMITS.total_seconds - AHEAD - 5)
    if state is idle:
        living.life.work_finished()
    elif state is detached:
        living.life.listeners_left()
    living.clock.advance(5)
    assert living.effects.warnings == [LIFETIME_WARNING]
    living.life.listener_came()
    living.life.work_began()
    living.clock.advance(AHEAD)
    living.life.ended(CLEAN)
    assert living.effects.reasons == [Reason.LIFETIME]
    assert living.effects.warnings == [LIFETIME_WARNING]


def test_what_old_age_forestalls_is_not_told():
    living = lived(busy)
    living.clock.advance(LIMITS.total_seconds - IDLE + 1)
    living.life.work_finished()
    living.clock.advance(IDLE - 1)
    assert living.effects.done == ["asked"]
    assert living.effects.warnings == [LIFETIME_WARNING]


@pytest.mark.parametrize("state", [starting, unclaimed, detached])
def test_nobody_is_warned_where_nobody_listens(state: Callable[[Living], None]):
    living = lived(state)
    living.clock.advance(
        max(LIMITS.start_seconds, LIMITS.unclaimed_seconds, LIMITS.detached_seconds)
    )
    assert living.effects.done == ["asked"]
    assert living.effects.warnings == []


@pytest.mark.parametrize(
    ("ahead", "warned"), [(IDLE / 2, True), (IDLE / 2 + 1, False), (IDLE * 2, False), (0, False)]
)
def test_short_waits_are_not_told(ahead: float, warned: bool):
    living = Living(attrs.evolve(LIMITS, warning_seconds=ahead))
    idle(living)
    living.clock.advance(IDLE)
    assert living.effects.done == ["asked"]
    assert bool(living.effects.warnings) is warned


@pytest.mark.parametrize("state", [stopping, dead])
def test_who_goes_is_not_warned(state: Callable[[Living], None]):
    living = lived(state)
    living.clock.advance(LIMITS.total_seconds)
    assert living.effects.warnings == []


class WarningTests(SessionTests):
    def test_listeners_hear_it_in_words(self) -> None:
        session = self.begin(timeout=900, answering=True)
        listener = self.listen(session)
        listener.attachment.send(code("1"))
        before = len(listener.received)
        self.clock.advance(900 - SESSION_LIMITS.lifetime.warning_seconds)
        (warning,) = listener.received[before:]
        assert (warning.channel, warning.msg_type) == ("iopub", "sagecell_warning")
        assert warning.parent_id == ""
        assert warning.parsed_content() == {
            "reason": "idle",
            "seconds": 60.0,
            "message": Reason.IDLE.warning(60.0),
        }
        self.clock.advance(SESSION_LIMITS.lifetime.warning_seconds)
        self.over(session, Reason.IDLE)
