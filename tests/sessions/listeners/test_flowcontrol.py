"""A kernel is paused exactly while there is a reason to."""

from __future__ import annotations

from attrs import define, field
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagecell_tx.sessions.listeners.flowcontrol import Valve
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.wire.messages import Message
from tests.sessions.samples import KERNEL_ID


@define
class Bystander:
    """Ignores all that a kernel sends."""

    kernel_id: str = KERNEL_ID
    messages: list[Message] = field(factory=list)

    def message_received(self, message: Message) -> None:
        self.messages.append(message)

    def slice_over(self) -> None:
        """Do nothing."""

    def heartbeat_missed(self) -> None:
        raise AssertionError

    def limit_near(self, reason: str, seconds: float) -> None:
        raise AssertionError

    def kernel_ended(self, how: object) -> None:
        """Do nothing."""


def new_kernel() -> MemoryKernel:
    host = MemoryHost()
    host.start(PYTHON, Bystander())
    return host.latest


def test_holds_while_anybody_holds():
    kernel = new_kernel()
    valve = Valve()
    valve.connect(kernel)
    valve.hold("outbox")
    valve.hold("file")
    valve.release("outbox")
    assert kernel.paused
    valve.release("file")
    assert [kernel.paused] == [False]


def test_a_kernel_that_comes_late_is_held_at_once():
    kernel = new_kernel()
    valve = Valve()
    valve.hold("outbox")
    valve.connect(kernel)
    assert kernel.paused
    valve.release("outbox")
    assert [kernel.paused] == [False]


def test_a_kernel_that_is_gone_is_left_alone():
    kernel = new_kernel()
    valve = Valve()
    valve.connect(kernel)
    valve.disconnect()
    valve.hold("outbox")
    assert not kernel.paused


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"))))
def test_the_kernel_waits_exactly_while_there_is_a_reason(steps: list[tuple[bool, str]]):
    kernel = new_kernel()
    valve = Valve()
    valve.connect(kernel)
    reasons = set()
    for holds, why in steps:
        if holds:
            valve.hold(why)
            reasons.add(why)
        else:
            valve.release(why)
            reasons.discard(why)
        assert kernel.paused == bool(reasons)
