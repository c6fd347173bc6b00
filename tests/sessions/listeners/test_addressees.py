"""Who gets an answer: the client that sent the request."""

from __future__ import annotations

from sagecell_tx.sessions.listeners.addressees import REMEMBERED, Addressees
from sagecell_tx.sessions.listeners.messagelog import Cursor
from sagecell_tx.wire.messages import CONTROL, SHELL, STDIN, Message, dump


def message(msg_type: str, msg_id: str = "r", parent: str = "", channel: str = SHELL) -> Message:
    return Message(
        channel=channel,
        msg_id=msg_id,
        msg_type=msg_type,
        header=b"{}",
        parent_header=dump({"msg_id": parent}) if parent else b"{}",
    )


def reply(parent: str, channel: str = SHELL) -> Message:
    return message("x_reply", "k", parent, channel)


def test_the_reply_is_the_last_answer():
    addressees, one, other = Addressees(), Cursor(1), Cursor(1)
    addressees.note(message("execute_request", "a"), one)
    addressees.note(message("interrupt_request", "b", channel=CONTROL), other)
    for _ in range(2):
        assert addressees.of(message("input_request", "k", "a", STDIN)) is one
    assert addressees.of(reply("a")) is one
    assert addressees.of(reply("b", CONTROL)) is other
    assert len(addressees) == 0
    assert addressees.of(reply("a")) is None
    assert addressees.of(reply("")) is None


def test_the_first_to_send_an_id_keeps_it():
    addressees, one, other = Addressees(), Cursor(1), Cursor(1)
    addressees.note(message("execute_request"), one)
    addressees.note(message("execute_request"), other)
    assert addressees.of(reply("r")) is one


def test_what_is_never_answered_is_not_remembered():
    addressees = Addressees()
    for kind in ("comm_open", "comm_msg", "comm_close", "input_reply"):
        addressees.note(message(kind), Cursor(1))
    assert len(addressees) == 0


def test_only_so_many_are_remembered_the_latest():
    addressees, cursor = Addressees(), Cursor(1)
    for number in range(REMEMBERED + 5):
        addressees.note(message("x_request", str(number)), cursor)
    assert len(addressees) == REMEMBERED
    assert addressees.of(reply("4")) is None
    assert addressees.of(reply("5")) is cursor


def test_who_is_forgotten_gets_nothing():
    addressees, one, other = Addressees(), Cursor(1), Cursor(1)
    addressees.note(message("x_request", "a"), one)
    addressees.note(message("x_request", "b"), other)
    addressees.forget(one)
    assert addressees.of(reply("a")) is None
    assert addressees.of(reply("b")) is other
