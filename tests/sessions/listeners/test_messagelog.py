"""Nothing lost, nothing doubled, order kept, whoever takes at whatever pace."""

from __future__ import annotations

import attrs

from sagecell_tx.sessions.listeners.messagelog import JOINED, Cursor, Outbox
from sagecell_tx.wire.messages import STDIN, Message
from tests.sessions.samples import request, said, shown, status, stream

PLENTY = 10**9


def take_all(outbox: Outbox, cursor: Cursor) -> list[Message]:
    return outbox.take(cursor, PLENTY)


def test_what_is_said_is_taken_once_and_in_order():
    outbox = Outbox(1000)
    cursor = outbox.open()
    messages = [status("busy"), status("idle")]
    for message in messages:
        outbox.append(message)
    assert take_all(outbox, cursor) == messages
    assert take_all(outbox, cursor) == []


def test_what_nobody_has_taken_waits_for_the_first_who_comes():
    outbox = Outbox(1000)
    early = status("starting")
    outbox.append(early)
    assert take_all(outbox, outbox.open()) == [early]


def test_who_comes_beside_others_hears_what_is_said_from_then_on():
    outbox = Outbox(1000)
    first = outbox.open()
    early, late = status("busy"), status("idle")
    outbox.append(early)
    second = outbox.open()
    outbox.append(late)
    assert take_all(outbox, second) == [late]
    assert take_all(outbox, first) == [early, late]


def test_what_the_last_to_leave_had_not_taken_waits_for_its_return():
    outbox = Outbox(1000)
    cursor = outbox.open()
    messages = [status("busy"), status("idle")]
    outbox.append(messages[0])
    take_all(outbox, cursor)
    outbox.append(messages[1])
    outbox.close(cursor)
    assert take_all(outbox, outbox.open()) == messages[1:]


def test_one_message_is_taken_however_little_room_there_is():
    outbox = Outbox(1000)
    cursor = outbox.open()
    messages = [status("busy"), status("idle")]
    for message in messages:
        outbox.append(message)
    assert outbox.take(cursor, 1) == messages[:1]
    assert outbox.take(cursor, 0) == messages[1:]


def test_room_bounds_what_is_taken_at_once():
    outbox = Outbox(1000)
    cursor = outbox.open()
    messages = [said("display_data", {"data": {"text/plain": "x" * 100}}) for _ in range(10)]
    for message in messages:
        outbox.append(message)
    some = outbox.take(cursor, 3 * messages[0].size)
    assert some == messages[:3]
    assert outbox.behind(cursor)
    assert take_all(outbox, cursor) == messages[3:]
    assert not outbox.behind(cursor)


def test_full_and_drained():
    message = status("busy")
    outbox = Outbox(4 * message.size)
    cursor = outbox.open()
    states = []
    for step in [outbox.append] * 4 + [lambda _: outbox.take(cursor, 1)] * 2:
        step(message)
        states.append((outbox.full, outbox.drained))
    assert states == [
        (False, True),
        (False, True),
        (False, False),
        (True, False),
        (False, False),
        (False, True),
    ]


def test_the_slowest_keeps_it_full():
    message = status("busy")
    outbox = Outbox(2 * message.size)
    fast, slow = outbox.open(), outbox.open()
    for _ in range(2):
        outbox.append(message)
    take_all(outbox, fast)
    assert outbox.full
    outbox.close(slow)
    assert outbox.drained


# --- joining


def test_streams_that_wait_are_joined():
    outbox = Outbox(PLENTY)
    cursor = outbox.open()
    asked = request()
    for text in ("a", "b", "c"):
        outbox.append(stream(text, asked))
    (message,) = take_all(outbox, cursor)
    assert message.parsed_content() == {"name": "stdout", "text": "abc"}
    assert message.parent_id == asked.msg_id


def test_streams_are_joined_up_to_a_length():
    outbox = Outbox(PLENTY)
    cursor = outbox.open()
    for _ in range(3 * JOINED // 1000):
        outbox.append(stream("x" * 1000))
    texts = [message.parsed_content()["text"] for message in take_all(outbox, cursor)]
    assert sum(map(len, texts)) == 3 * JOINED // 1000 * 1000
    assert max(map(len, texts)) <= JOINED
    assert len(texts) <= 4


def test_short_streams_are_joined_by_what_they_say():
    outbox = Outbox(PLENTY)
    cursor = outbox.open()
    for _ in range(2000):
        outbox.append(stream("x"))
    assert len(take_all(outbox, cursor)) == 1


def test_what_is_joined_fills_the_outbox_too():
    outbox = Outbox(20_000)
    cursor = outbox.open()
    for _ in range(25):
        assert not outbox.full
        outbox.append(stream("x" * 750))
    outbox.append(stream("x" * 750))
    assert [outbox.full] == [True]
    take_all(outbox, cursor)
    assert outbox.drained


def test_what_was_taken_is_not_added_to():
    outbox = Outbox(PLENTY)
    fast, slow = outbox.open(), outbox.open()
    outbox.append(stream("a"))
    take_all(outbox, fast)
    outbox.append(stream("b"))
    assert shown(take_all(outbox, fast)) == [("stream stdout", "", "b")]
    assert shown(take_all(outbox, slow)) == [("stream stdout", "", "ab")]


def test_what_was_said_before_somebody_came_is_not_added_to():
    outbox = Outbox(PLENTY)
    slow = outbox.open()
    outbox.append(stream("a"))
    late = outbox.open()
    outbox.append(stream("b"))
    assert shown(take_all(outbox, late)) == [("stream stdout", "", "b")]
    assert shown(take_all(outbox, slow)) == [("stream stdout", "", "ab")]


def not_joined(*messages: Message) -> bool:
    outbox = Outbox(PLENTY)
    cursor = outbox.open()
    for message in messages:
        outbox.append(message)
    return take_all(outbox, cursor) == list(messages)


def test_only_the_same_stream_of_the_same_request_is_joined():
    assert not_joined(stream("a"), stream("b", name="stderr"))
    assert not_joined(stream("a", request("r1")), stream("b", request("r2")))
    assert not_joined(stream("a"), attrs.evolve(stream("b"), metadata=b'{"interact_id":1}'))
    assert not_joined(stream("a"), said("clear_output"), stream("b"))
    assert not_joined(stream("a"), attrs.evolve(stream("b"), channel=STDIN))


def test_streams_of_another_shape_pass_as_they_are():
    assert not_joined(stream("a"), said("stream", {"name": "stdout", "text": 1}))
    assert not_joined(stream("a"), said("stream", {"name": "stdout", "text": "b", "more": 1}))
    assert not_joined(said("stream", {"data": "a"}), stream("b"))
    assert not_joined(stream("a"), attrs.evolve(stream("b"), content=b"{no JSON}"))
    assert not_joined(attrs.evolve(stream("a"), content=b"{no JSON}"), stream("b"))
    assert not_joined(stream("a"), attrs.evolve(stream("b"), buffers=(b"more",)))
    assert not_joined(attrs.evolve(stream("a"), buffers=(b"more",)), stream("b"))


def test_half_characters_survive_joining():
    outbox = Outbox(PLENTY)
    cursor = outbox.open()
    outbox.append(stream("\ud83d"))
    outbox.append(stream("\ude00"))
    (message,) = take_all(outbox, cursor)
    assert message.parsed_content()["text"] in ("\ud83d\ude00", "\U0001f600")


def test_what_has_more_in_it_than_a_stream_is_not_looked_into():
    surprise = attrs.evolve(stream("a"), content=b'{"name":"stdout","text":[[],[],[]]}')
    assert not_joined(surprise, surprise)
    commas = stream('[{"a,b": ",,,,,,,,,,,,"}]' * 10)
    outbox = Outbox(PLENTY)
    cursor = outbox.open()
    for _ in range(2):
        outbox.append(commas)
    (message,) = take_all(outbox, cursor)
    assert message.parsed_content()["text"] == commas.parsed_content()["text"] * 2
