"""Whatever happens to a kernel in whatever order, its life ends once and leaves nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit
from tests.examples import at_most

from .living import CLEAN, INPUTS, LIMITS, SEGFAULT, Living, say


class LifeMachine(RuleBasedStateMachine):
    """Any inputs at any time, some of them while another is handled."""

    def __init__(self) -> None:
        super().__init__()
        self.living = Living()
        self.told_to_stop: list[Reason] = []
        self.ended = False
        self.living.effects.on_ask = self._react
        self.living.effects.on_kill = self._react
        self.reaction = ""
        self.idle_waits = 0  # an upper bound of those that began
        self.last_warnings: list[tuple[Reason, float]] | None = None  # at the beginning of its end

    def say(self, name: str) -> None:
        self.idle_waits += name in ("listener_came", "work_finished")
        say(self.living, name)

    def _react(self) -> None:
        reaction, self.reaction = self.reaction, ""
        if reaction:
            self.note_end(reaction == "ended")
            self.say(reaction)

    def note_end(self, ends: bool) -> None:
        """Count an end, unless it is that of a process that is being replaced."""
        self.ended |= ends and not self.restarting

    @property
    def restarting(self) -> bool:
        done = self.living.effects.done
        begun, over = done.count("asked to restart"), done.count("started again")
        return begun > over and "asked" not in done

    @rule(name=st.sampled_from([name for name in INPUTS if name not in ("stop", "ended")]))
    def input(self, name: str) -> None:
        self.say(name)

    @rule(name=st.sampled_from(sorted(INPUTS)))
    def react_next_time(self, name: str) -> None:
        self.reaction = name

    @rule(reason=st.sampled_from(Reason))
    def stop(self, reason: Reason) -> None:
        if not self.living.effects.done:
            self.told_to_stop.append(reason)
        self.living.life.stop(reason)

    @rule(how=st.sampled_from([CLEAN, SEGFAULT, Exit()]))
    def end(self, how: Exit) -> None:
        self.note_end(True)
        self.living.life.ended(how)

    @rule(seconds=st.sampled_from([0.5, 1, 5, 10, 15, 60, 80, 100, 900, 1780, 1800]))
    def wait(self, seconds: float) -> None:
        self.living.clock.advance(seconds)

    @rule(seconds=st.sampled_from([1, 60, 80, 900, 1780]))
    def what_is_warned_of_comes_unless_something_happens(self, seconds: float) -> None:
        effects, before = self.living.effects, len(self.living.effects.warnings)
        self.living.clock.advance(seconds)
        if len(effects.warnings) > before:
            self.living.clock.advance(LIMITS.warning_seconds)
            assert "asked" in effects.done

    @precondition(lambda self: "asked" in self.living.effects.done)
    @rule()
    def wait_for_the_kill(self) -> None:
        self.living.clock.advance(LIMITS.stop_grace_seconds)
        assert {"killed", "died"} & set(self.living.effects.done)

    @invariant()
    def dies_at_most_once_and_exactly_when_it_ended(self) -> None:
        assert self.living.effects.done.count("died") == int(self.ended)

    @invariant()
    def is_asked_once_at_most(self) -> None:
        assert self.living.effects.done.count("asked") <= 1

    @invariant()
    def each_restart_is_over_before_the_next(self) -> None:
        done = self.living.effects.done
        assert 0 <= done.count("asked to restart") - done.count("started again") <= 1

    @invariant()
    def nothing_is_left_on_the_clock_after_death(self) -> None:
        if self.ended:
            assert self.living.clock.getDelayedCalls() == []
            assert self.living.effects.done[-1] == "died"

    @invariant()
    def each_deadline_is_told_once_at_most(self) -> None:
        reasons = [reason for reason, _ in self.living.effects.warnings]
        assert set(reasons) <= {Reason.IDLE, Reason.LIFETIME}
        assert reasons.count(Reason.LIFETIME) <= 1
        assert reasons.count(Reason.IDLE) <= self.idle_waits

    @invariant()
    def who_goes_is_warned_of_nothing(self) -> None:
        if self.last_warnings is not None:
            assert self.living.effects.warnings == self.last_warnings
        elif self.living.effects.done:
            self.last_warnings = list(self.living.effects.warnings)

    @invariant()
    def the_first_reason_given_is_the_reason(self) -> None:
        if self.ended and self.told_to_stop:
            assert self.living.effects.reasons == self.told_to_stop[:1]


LifeMachine.TestCase.settings = settings(
    max_examples=at_most(60),
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_life = LifeMachine.TestCase
