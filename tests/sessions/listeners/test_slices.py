"""The messages of a slice wake a listener once, and otherwise nothing is different."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sagecell_tx.limits import Limits, MessageLimits
from tests.examples import at_most
from tests.sessions.bridgeworld import BridgeWorld
from tests.sessions.samples import code

#: A log of eight messages of `BridgeWorld.show("x" * 500)`, and output without a limit.
SHORT = Limits(messages=MessageLimits(message_log_bytes=6000))


def test_a_listener_is_woken_once_and_reads_all_in_order():
    world = BridgeWorld()
    listener = world.listen()
    with world.kernel.one_slice():
        shown = [world.show(str(number)) for number in range(5)]
        assert listener.received == []
    assert listener.received == shown
    assert listener.wakes == 1


def test_a_listener_that_has_not_read_what_was_there_is_not_woken_again():
    world = BridgeWorld()
    slow = world.listen(slow=True)
    slow.read_all()
    for text in "ab":
        with world.kernel.one_slice():
            shown = world.show(text)
        slow.read()
    assert slow.wakes == 1
    assert slow.received[-1] == shown


def test_a_slice_with_nothing_for_listeners_wakes_nobody():
    world = BridgeWorld()
    listener = world.listen()
    with world.kernel.one_slice():
        world.kernel.publish("iopub_welcome", {"subscription": ""})
        world.kernel.publish("kernel_timeout", {"timeout": 5})
    assert listener.wakes == 0


def test_the_ends_of_a_request_that_come_in_one_slice_are_in_order():
    world = BridgeWorld()
    listener = world.listen()
    asked = code("1", "r1")
    listener.attachment.send(asked)
    with world.kernel.one_slice():
        world.show("1", asked)
        world.kernel.finish(asked)
        assert world.activity.told[-1] == "work_finished", "the life does not wait for the slice"
    assert listener.kinds == ["display_data", "execute_reply", "status"]
    assert listener.wakes == 1


def test_what_the_server_says_between_slices_is_heard_at_once():
    world = BridgeWorld()
    listener = world.listen()
    with world.kernel.one_slice():
        world.show("1")
    world.bridge.publish("stream", {"name": "stderr", "text": "a warning"})
    assert listener.kinds == ["display_data", "stream"]


def test_one_that_leaves_in_the_middle_is_not_woken():
    world = BridgeWorld()
    leaving, staying = world.listen(), world.listen()
    with world.kernel.one_slice():
        shown = world.show("1")
        leaving.attachment.detach()
    assert leaving.wakes == 0
    assert staying.received == [shown]


def test_the_end_of_a_session_in_the_middle_comes_after_what_was_said():
    world = BridgeWorld()
    listener = world.listen()
    with world.kernel.one_slice():
        shown = world.show("1")
        world.bridge.close("finished")
    assert listener.received == [shown]
    assert listener.closed == ["finished"]


def test_a_reaction_to_a_slice_is_heard_at_once():
    world = BridgeWorld(answering=True)
    listener = world.listen()

    def react() -> None:
        listener.read_all()
        if not world.kernel.sent:
            listener.attachment.send(code("print 2", "r2"))

    listener.on_wake = react
    with world.kernel.one_slice():
        world.show("1")
    assert listener.text == "2\n"


def test_fast_listeners_read_before_the_kernel_is_paused():
    world = BridgeWorld(limits=SHORT)
    fast = world.listen()
    with world.kernel.one_slice():
        shown = [world.show("x" * 500) for _ in range(20)]
        assert not world.kernel.paused
    assert sum(each.size for each in shown) > 2 * SHORT.messages.message_log_bytes
    assert fast.received == shown


def test_a_slow_listener_pauses_the_kernel_in_the_middle():
    world = BridgeWorld(limits=SHORT)
    slow = world.listen(slow=True)
    with world.kernel.one_slice():
        shown = world.fill()
    assert sum(each.size for each in shown[:-1]) < SHORT.messages.message_log_bytes
    slow.read_all()
    assert slow.received == shown
    assert not world.kernel.paused


@settings(max_examples=at_most(200))
@given(st.lists(st.integers(0, 12), max_size=10), st.lists(st.booleans(), min_size=1, max_size=3))
def test_any_slices_give_what_single_messages_give(lengths, paces):
    world = BridgeWorld(limits=SHORT)
    listeners = [world.listen(slow=slow) for slow in paces]
    shown = []
    for length in lengths:
        with world.kernel.one_slice():
            shown += [world.show("x" * 500) for _ in range(length)]
        for listener in listeners:
            assert listener.slow or world.kernel.paused or listener.received == shown
    while any(listener.read() for listener in listeners):
        pass  # who reads lets the kernel go on for all
    assert all(listener.received == shown for listener in listeners)
    assert not any(listener.closed for listener in listeners)
