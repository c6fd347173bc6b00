"""No message is lost or doubled, and the order is kept, whatever the pace of the listeners."""

from __future__ import annotations

import attrs

from sagecell_tx.sessions.listeners.messagelog import JOINED, Cursor, MessageLog
from sagecell_tx.wire.messages import STDIN, Message
from tests.sessions.samples import request, said, shown, status, stream

PLENTY = 10**9


def take_all(log: MessageLog, cursor: Cursor) -> list[Message]:
    return log.read(cursor, PLENTY)


def test_what_is_said_is_taken_once_and_in_order():
    log = MessageLog(1000)
    cursor = log.open()
    messages = [status("busy"), status("idle")]
    for message in messages:
        log.append(message)
    assert take_all(log, cursor) == messages
    assert take_all(log, cursor) == []


def test_what_nobody_has_taken_waits_for_the_first_who_comes():
    log = MessageLog(1000)
    early = status("starting")
    log.append(early)
    assert take_all(log, log.open()) == [early]


def test_who_comes_beside_others_hears_what_is_said_from_then_on():
    log = MessageLog(1000)
    first = log.open()
    early, late = status("busy"), status("idle")
    log.append(early)
    second = log.open()
    log.append(late)
    assert take_all(log, second) == [late]
    assert take_all(log, first) == [early, late]


def test_what_the_last_to_leave_had_not_taken_waits_for_its_return():
    log = MessageLog(1000)
    cursor = log.open()
    messages = [status("busy"), status("idle")]
    log.append(messages[0])
    take_all(log, cursor)
    log.append(messages[1])
    log.close(cursor)
    assert take_all(log, log.open()) == messages[1:]


def test_one_message_is_taken_however_little_room_there_is():
    log = MessageLog(1000)
    cursor = log.open()
    messages = [status("busy"), status("idle")]
    for message in messages:
        log.append(message)
    assert log.read(cursor, 1) == messages[:1]
    assert log.read(cursor, 0) == messages[1:]


def test_room_bounds_what_is_taken_at_once():
    log = MessageLog(1000)
    cursor = log.open()
    messages = [said("display_data", {"data": {"text/plain": "x" * 100}}) for _ in range(10)]
    for message in messages:
        log.append(message)
    some = log.read(cursor, 3 * messages[0].size)
    assert some == messages[:3]
    assert log.has_unread(cursor)
    assert take_all(log, cursor) == messages[3:]
    assert not log.has_unread(cursor)


def test_full_and_drained():
    message = status("busy")
    log = MessageLog(4 * message.size)
    cursor = log.open()
    states = []
    for step in [log.append] * 4 + [lambda _: log.read(cursor, 1)] * 2:
        step(message)
        states.append((log.full, log.drained))
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
    log = MessageLog(2 * message.size)
    fast, slow = log.open(), log.open()
    for _ in range(2):
        log.append(message)
    take_all(log, fast)
    assert log.full
    log.close(slow)
    assert log.drained


# --- joining


def test_streams_that_wait_are_joined():
    log = MessageLog(PLENTY)
    cursor = log.open()
    asked = request()
    for text in ("a", "b", "c"):
        log.append(stream(text, asked))
    (message,) = take_all(log, cursor)
    assert message.parsed_content() == {"name": "stdout", "text": "abc"}
    assert message.parent_id == asked.msg_id


def test_streams_are_joined_up_to_a_length():
    log = MessageLog(PLENTY)
    cursor = log.open()
    for _ in range(3 * JOINED // 1000):
        log.append(stream("x" * 1000))
    texts = [message.parsed_content()["text"] for message in take_all(log, cursor)]
    assert sum(map(len, texts)) == 3 * JOINED // 1000 * 1000
    assert max(map(len, texts)) <= JOINED
    assert len(texts) <= 4


def test_short_streams_are_joined_by_what_they_say():
    log = MessageLog(PLENTY)
    cursor = log.open()
    for _ in range(2000):
        log.append(stream("x"))
    assert len(take_all(log, cursor)) == 1


def test_what_is_joined_fills_the_outbox_too():
    log = MessageLog(20_000)
    cursor = log.open()
    for _ in range(25):
        assert not log.full
        log.append(stream("x" * 750))
    log.append(stream("x" * 750))
    assert [log.full] == [True]
    take_all(log, cursor)
    assert log.drained


def test_what_was_taken_is_not_added_to():
    log = MessageLog(PLENTY)
    fast, slow = log.open(), log.open()
    log.append(stream("a"))
    take_all(log, fast)
    log.append(stream("b"))
    assert shown(take_all(log, fast)) == [("stream stdout", "", "b")]
    assert shown(take_all(log, slow)) == [("stream stdout", "", "ab")]


def test_what_was_said_before_somebody_came_is_not_added_to():
    log = MessageLog(PLENTY)
    slow = log.open()
    log.append(stream("a"))
    late = log.open()
    log.append(stream("b"))
    assert shown(take_all(log, late)) == [("stream stdout", "", "b")]
    assert shown(take_all(log, slow)) == [("stream stdout", "", "ab")]


def not_joined(*messages: Message) -> bool:
    log = MessageLog(PLENTY)
    cursor = log.open()
    for message in messages:
        log.append(message)
    return take_all(log, cursor) == list(messages)


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
    log = MessageLog(PLENTY)
    cursor = log.open()
    log.append(stream("\ud83d"))
    log.append(stream("\ude00"))
    (message,) = take_all(log, cursor)
    assert message.parsed_content()["text"] in ("\ud83d\ude00", "\U0001f600")


def test_what_has_more_in_it_than_a_stream_is_not_looked_into():
    surprise = attrs.evolve(stream("a"), content=b'{"name":"stdout","text":[[],[],[]]}')
    assert not_joined(surprise, surprise)
    commas = stream('[{"a,b": ",,,,,,,,,,,,"}]' * 10)
    log = MessageLog(PLENTY)
    cursor = log.open()
    for _ in range(2):
        log.append(commas)
    (message,) = take_all(log, cursor)
    assert message.parsed_content()["text"] == commas.parsed_content()["text"] * 2


def test_what_was_taken_and_may_not_be_written_yet_is_counted_once():
    log = MessageLog(1000)
    cursors = [log.open(), log.open()]
    log.append(status("busy"))
    log.append(stream("b"))
    both = log.size
    for cursor in cursors:
        assert log.unwritten == both
        take_all(log, cursor)
    assert (log.size, log.unwritten) == (0, both)
    for cursor in cursors:
        assert log.unwritten == both
        take_all(log, cursor)
    assert log.unwritten == 0


def test_what_a_client_acknowledges_unread_stays():
    log = MessageLog(1000)
    cursors = [log.open(resumable=True) for _ in range(2)]
    message = status("busy")
    log.append(message)
    take_all(log, cursors[0])
    for cursor in cursors:
        log.acknowledge(cursor, 1)
    assert log.size > 0
    assert take_all(log, cursors[1]) == [message]
    log.acknowledge(cursors[1], 1)
    assert log.size == 0


def test_what_was_taken_and_is_in_the_log_as_well_counts_once():
    log = MessageLog(1000)
    fast, slow = log.open(), log.open()
    log.append(status("busy"))
    before = log.size
    assert len(log.read(slow, PLENTY)) == 1
    log.append(stream("x" * 500))
    assert len(log.read(fast, PLENTY)) == 2
    assert log.unwritten == before + log.size


def test_who_comes_while_all_is_dropped_goes_on_with_what_follows():
    log = MessageLog(1000)
    for text in ("a", "b"):
        log.append(said("display_data", {"text": text}))
    cursor = log.open()
    log.clear()
    assert (log.size, take_all(log, cursor)) == (0, [])
    later = status("dead")
    log.append(later)
    assert take_all(log, cursor) == [later]
