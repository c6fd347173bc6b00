"""What the bridge reports to a kernel's life of the kernel itself: that it hangs, or is gone."""

from __future__ import annotations

import attrs

from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.interfaces import Exit
from tests.sessions.bridgeworld import LIMITS, BridgeWorld
from tests.sessions.samples import code

GRACE = 10


def world_with_timeout(seconds: float) -> BridgeWorld:
    """A world whose idle timeout is `seconds`, as is the limit on it."""
    lifetime = LifetimeLimits(idle_seconds=seconds, interrupt_grace_seconds=GRACE)
    return BridgeWorld(limits=attrs.evolve(LIMITS, lifetime=lifetime))


def test_a_kernel_without_a_heartbeat_has_crashed():
    world = BridgeWorld()
    world.bridge.heartbeat_missed()
    assert world.activity.told == ["stop: crashed"]


def test_with_a_timeout_of_0_the_end_of_the_work_is_the_end():
    world = world_with_timeout(0)
    asked = code("1")
    world.listen().attachment.send(asked)
    world.kernel.reply(asked)
    world.kernel.status("idle", asked)
    assert world.activity.told[2:] == ["execution_finished", "stop: finished"]


def test_a_kernel_that_ignores_interrupts_is_stopped_and_killed_at_once():
    world = world_with_timeout(900)
    world.listen().attachment.send(code("ignore"))
    world.bridge.interrupt()
    for _ in range(2):
        world.clock.advance(GRACE)
    assert world.kernel.interrupts == 2
    assert world.kernel.killed
    assert world.activity.told[2:] == ["stop: stopped"]
    assert world.activity.over.called


def test_only_of_processor_time_the_listeners_are_warned():
    world = BridgeWorld()
    listener = world.listen()
    for reason in ("memory", "cpu"):
        world.bridge.limit_near(reason, 60)
    assert [message.parsed_content()["reason"] for message in listener.received] == ["cpu"]


def test_there_is_a_kernel_until_its_end_is_told():
    world = BridgeWorld()
    connected = [world.bridge.connected]
    world.kernel.end(Exit(status=0))
    connected.append(world.bridge.connected)
    assert connected == [True, False]
    assert world.activity.over.called
