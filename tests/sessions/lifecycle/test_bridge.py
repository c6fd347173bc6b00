"""One kernel and its listeners: which messages they get, in what order, and who waits."""

from __future__ import annotations

import attrs
import pytest

from sagecell_tx.sessions.lifecycle.bridge import REQUESTS, Undeliverable
from sagecell_tx.sessions.lifecycle.unread import MOST
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import CONTROL, SHELL, STDIN, Message
from tests.sessions.bridgeworld import LIMITS, BridgeWorld
from tests.sessions.samples import code, request, said

# --- passing on


def test_everybody_hears_everything_in_order():
    world = BridgeWorld()
    listeners = [world.listen(), world.listen()]
    said = [world.kernel.status("busy"), world.show("a"), world.kernel.stream("b")]
    for listener in listeners:
        assert listener.received == said


def test_what_was_said_before_anybody_came_is_heard_by_the_first():
    world = BridgeWorld()
    early = world.kernel.status("starting")
    first, second = world.listen(), world.listen()
    assert first.received == [early]
    assert second.received == []


def test_requests_go_to_the_kernel_as_they_are():
    world = BridgeWorld()
    listener = world.listen()
    requests = [code("1"), request("r2", "input_reply", channel=STDIN)]
    for message in requests:
        listener.attachment.send(message)
    assert world.kernel.sent == requests


def test_a_request_that_no_kernel_is_there_for_goes_nowhere():
    world = BridgeWorld()
    listener = world.listen()
    world.kernel.end()
    listener.attachment.send(code("1"))
    assert world.kernel.sent == []


@pytest.mark.parametrize("channel", [SHELL, CONTROL, STDIN])
def test_a_kernel_that_reads_nothing_is_sent_nothing_more(channel):
    """ZMQ would keep it all, whose queue has no bound."""
    world = BridgeWorld()
    listener = world.listen()
    world.kernel.unread = MOST
    listener.attachment.send(request("a", "comm_msg", channel=channel))
    world.kernel.unread = MOST + 1
    with pytest.raises(Undeliverable) as refused:
        listener.attachment.send(request("b", "comm_msg", channel=channel))
    assert refused.value.code == "kernel_reads_nothing"
    world.kernel.unread = 0
    listener.attachment.send(request("b", "comm_msg", channel=channel))
    assert [each.msg_id for each in world.kernel.sent] == ["a", "b"]


def test_a_kernel_that_reads_nothing_is_interrupted_from_outside():
    world = BridgeWorld()
    listener = world.listen()
    listener.attachment.send(code("1"))
    world.kernel.unread = MOST + 1
    listener.attachment.send(request("i", "interrupt_request", channel=CONTROL))
    assert (len(world.kernel.sent), world.kernel.interrupts) == (1, 1)


def test_who_has_detached_is_no_longer_listened_to():
    world = BridgeWorld()
    listener = world.listen()
    listener.attachment.detach()
    listener.attachment.send(code("1"))
    assert world.kernel.sent == []
    assert listener.attachment.read(1000) == []


def test_output_then_reply_then_idle_whatever_came_first():
    """contract: T11"""
    world = BridgeWorld()
    listener = world.listen()
    asked = code("1")
    listener.attachment.send(asked)
    world.kernel.status("busy", asked)
    world.kernel.reply(asked)
    world.kernel.stream("late", asked)
    world.kernel.status("idle", asked)
    assert listener.kinds == ["status", "stream", "execute_reply", "status"]


def test_messages_on_other_channels_pass():
    world = BridgeWorld()
    listener = world.listen()
    question = world.kernel.publish("input_request", {"prompt": "?"}, channel=STDIN)
    answer = world.kernel.reply(request("r9", "interrupt_request", channel=CONTROL))
    assert listener.received == [question, answer]


def test_the_welcome_of_iopub_is_not_for_listeners():
    world = BridgeWorld()
    listener = world.listen()
    world.kernel.publish("iopub_welcome", {"subscription": ""})
    assert listener.received == []


def test_a_status_that_makes_no_sense_passes():
    world = BridgeWorld()
    listener = world.listen()
    odd = [
        attrs.evolve(said("status"), content=content)
        for content in (b"{", b"[]", b'{"execution_state":["idle"]}', b"{}")
    ]
    for message in odd:
        world.kernel.deliver(message)
    assert listener.received == odd


def test_a_reaction_inside_wake_comes_after_what_caused_it():
    world = BridgeWorld(answering=True)
    listener = world.listen()
    other = world.listen()
    first, second = code("print 1", "r1"), code("print 2", "r2")

    def answer_back() -> None:
        listener.read_all()
        if listener.kinds[-2:] == ["execute_reply", "status"] and len(world.kernel.sent) == 1:
            listener.attachment.send(second)

    listener.on_wake = answer_back
    listener.attachment.send(first)
    assert listener.text == "1\n2\n"
    assert other.text == "1\n2\n"
    assert listener.received == other.received
    assert world.activity.told.count("execution_finished") == 2
    assert world.activity.told[-1] == "work_finished"


# --- what the life is notified of


def test_work_begins_with_the_first_request_and_finishes_with_the_last():
    world = BridgeWorld()
    listener = world.listen()
    first, second = code("1", "r1"), code("2", "r2")
    listener.attachment.send(first)
    listener.attachment.send(second)
    world.kernel.finish(first)
    assert world.activity.told == ["listener_came", "work_began", "execution_finished"]
    world.kernel.finish(second)
    assert world.activity.told[3:] == ["execution_finished", "work_finished"]


def test_a_request_that_runs_nothing_is_work_but_no_execution():
    world = BridgeWorld()
    listener = world.listen()
    asked = request("r1", "kernel_info_request")
    listener.attachment.send(asked)
    world.kernel.finish(asked)
    assert world.activity.told == ["listener_came", "work_began", "work_finished"]


def test_busy_on_control_is_no_work():
    world = BridgeWorld()
    listener = world.listen()
    asked = request("r1", "interrupt_request", channel=CONTROL)
    listener.attachment.send(asked)
    world.kernel.status("busy", asked)
    world.kernel.finish(asked)
    assert world.activity.told == ["listener_came"]


def test_only_the_first_to_come_and_the_last_to_leave_are_told():
    world = BridgeWorld()
    first, second = world.listen(), world.listen()
    first.attachment.detach()
    assert world.activity.told == ["listener_came"]
    second.attachment.detach()
    second.attachment.detach()
    assert world.activity.told == ["listener_came", "listeners_left"]


def test_who_comes_back_to_a_working_kernel_finds_it_working():
    world = BridgeWorld()
    listener = world.listen()
    listener.attachment.send(code("1"))
    listener.attachment.detach()
    world.listen()
    assert world.activity.told[2:] == ["listeners_left", "listener_came", "work_began"]


# --- requests that are refused


def test_a_msg_id_that_is_still_in_use():
    world = BridgeWorld()
    listener = world.listen()
    asked = code("1")
    listener.attachment.send(asked)
    with pytest.raises(Undeliverable) as refused:
        listener.attachment.send(asked)
    assert refused.value.code == "duplicate_msg_id"
    assert world.kernel.sent == [asked]
    world.kernel.finish(asked)
    listener.attachment.send(asked)
    assert world.kernel.sent == [asked, asked]


def test_too_many_requests():
    world = BridgeWorld()
    listener = world.listen()
    for number in range(REQUESTS):
        listener.attachment.send(code("1", f"r{number}"))
    with pytest.raises(Undeliverable) as refused:
        listener.attachment.send(code("1", "one more"))
    assert refused.value.code == "too_many_requests"
    assert len(world.kernel.sent) == REQUESTS
    interrupt = request("stop", "interrupt_request", channel=CONTROL)
    listener.attachment.send(interrupt)
    assert world.kernel.sent[-1] == interrupt


# --- the cap on output

NOTICE = "\n[The output is longer than 0 MB; the rest is not shown.]\n"


def flooded() -> tuple[BridgeWorld, MemoryListener, Message]:
    """A world in which an execution has exceeded its limit of output."""
    world = BridgeWorld()
    listener = world.listen()
    asked = code("1")
    listener.attachment.send(asked)
    for _ in range(50):
        world.show("x" * 500, asked)
    return world, listener, asked


def test_what_is_over_the_cap_is_replaced_by_one_notice():
    _, listener, asked = flooded()
    shown = [message for message in listener.received if message.msg_type == "display_data"]
    assert (
        LIMITS.messages.output_bytes - shown[0].size
        < sum(message.size for message in shown)
        <= LIMITS.messages.output_bytes
    )
    assert listener.text == NOTICE
    assert listener.kinds == ["display_data"] * len(shown) + ["stream"]
    assert listener.received[-1].parent_id == asked.msg_id


def test_status_error_and_reply_pass_over_the_cap():
    world, listener, asked = flooded()
    before = len(listener.received)
    world.kernel.status("busy", asked)
    world.kernel.publish("error", {"ename": "E", "evalue": "", "traceback": []}, asked)
    world.kernel.finish(asked)
    assert listener.kinds[before:] == ["status", "error", "execute_reply", "status"]


@pytest.mark.parametrize("sent", [True, False])
def test_errors_have_a_cap_of_their_own(sent: bool):
    """Or a program could fill its reader's memory with them."""
    world = BridgeWorld()
    listener = world.listen()
    asked = code("1")
    if sent:
        listener.attachment.send(asked)
    for _ in range(50):
        world.kernel.publish("error", {"traceback": ["x" * 500]}, asked)
    sizes = [message.size for message in listener.received]
    assert set(listener.kinds) == {"error"}
    assert LIMITS.messages.output_bytes - sizes[0] < sum(sizes) <= LIMITS.messages.output_bytes


def test_each_execution_has_its_own_cap():
    world, listener, asked = flooded()
    world.kernel.finish(asked)
    again = code("2", "r2")
    listener.attachment.send(again)
    last = world.show("fresh", again)
    assert listener.received[-1] == last


def test_what_belongs_to_no_request_has_a_cap_together():
    world = BridgeWorld()
    listener = world.listen()
    for number in range(50):
        world.show("x" * 500, code("1", f"r{number}"))
    assert listener.kinds.count("stream") == 1
    assert listener.text == NOTICE
    assert listener.kinds[-1] == "stream"


# --- kernel_timeout


@pytest.mark.parametrize(
    ("content", "heeded"),
    [
        (b'{"timeout": 60}', [60]),
        (b'{"timeout": 0}', [0]),
        (b'{"timeout": 1.5}', [1.5]),
        (b'{"timeout": 1e9}', [900]),
        (b'{"timeout": Infinity}', [900]),
        (b'{"timeout": 1e999}', [900]),
        (b'{"timeout": 1' + b"0" * 400 + b"}", [900]),
        (b'{"timeout": -Infinity}', []),
        (b'{"timeout": NaN}', []),
        (b'{"timeout": NaN, "x": "Infinity"}', []),
        (b'{"timeout": -1}', []),
        (b'{"timeout": true}', []),
        (b'{"timeout": "60"}', []),
        (b'{"timeout": null}', []),
        (b'{"timeout": [60]}', []),
        (b"{}", []),
        (b"[60]", []),
        (b"Infinity", []),
        (b"{", []),
        (b'{"timeout": "\xff"}', []),
        (b'{"timeout": 1' + b"0" * 5000 + b"}", []),
        (b"[" * 100_000, []),
        (b'{"timeout": 60' + b" " * 4096 + b"}", []),
    ],
)
def test_a_kernel_timeout_is_heeded_when_it_is_a_number_from_0_up(
    content: bytes, heeded: list[float]
):
    """contract: 2.5, T6"""
    world = BridgeWorld()
    listener = world.listen()
    world.kernel.deliver(attrs.evolve(said("kernel_timeout"), content=content))
    assert world.activity.timeouts == heeded
    assert listener.received == []


def test_an_answer_that_is_sent_again_answers_nothing_else():
    world = BridgeWorld()
    listener = world.listen()
    answer = attrs.evolve(code("1", "a1"), channel="stdin", msg_type="input_reply")
    listener.attachment.send(answer)
    with pytest.raises(Undeliverable) as refused:
        listener.attachment.send(answer)
    assert refused.value.code == "duplicate_msg_id"
    listener.attachment.send(attrs.evolve(answer, msg_id="a2"))
    assert [message.msg_id for message in world.kernel.sent] == ["a1", "a2"]
