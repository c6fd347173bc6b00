"""What came of a request, from messages as a server sends them."""

from __future__ import annotations

from typing import Any

import pytest

from sagecell_tx.remote.load.outcomes import Failed, Outcome


def message(msg_type: str, parent: str | None = "m", **content: Any) -> dict[str, Any]:
    parent_header = {} if parent is None else {"msg_id": parent}
    return {"header": {"msg_type": msg_type}, "parent_header": parent_header, "content": content}


def outcome_of(*messages: dict[str, Any]) -> Outcome:
    outcome = Outcome("m")
    for each in messages:
        outcome.receive(each)
    return outcome


IDLE = message("status", execution_state="idle")


def test_text_is_joined_and_that_of_others_is_not_ours() -> None:
    outcome = outcome_of(
        message("stream", name="stdout", text="a"),
        message("stream", name="stderr", text="b"),
        message("stream", "other", name="stdout", text="c"),
        message("stream", name="stdout", text="d"),
    )
    assert outcome.text == "ad"
    assert outcome.warned == "b"
    assert not outcome.is_over


def test_it_is_over_when_the_reply_and_idle_have_come() -> None:
    reply = message("execute_reply", status="ok", payload=[])
    assert not outcome_of(reply).is_over
    assert not outcome_of(IDLE).is_over
    assert not outcome_of(reply, message("status", "other", execution_state="idle")).is_over
    assert outcome_of(IDLE, reply).is_over
    assert outcome_of(message("sagenb.interact.update_interact_reply", status="ok"), IDLE).is_over


def test_files_displays_and_interacts() -> None:
    made = {"application/sage-interact": {"new_interact_id": "i1"}, "text/plain": "x"}
    outcome = outcome_of(
        message("display_data", data={"image/png": "...", "text/plain": "Figure"}),
        message("display_data", data=made),
        message("execute_reply", status="ok", payload=[{"new_files": ["a.txt"]}, {}, 5]),
    )
    assert outcome.media == {"image/png", "text/plain", "application/sage-interact"}
    assert outcome.interact == "i1"
    assert outcome.files == ["a.txt"]
    assert outcome.error == ""


def test_an_error_of_the_program_is_a_part_of_its_output() -> None:
    outcome = outcome_of(
        message("error", ename="ZeroDivisionError", evalue="", traceback=[]),
        message("execute_reply", status="error", ename="ZeroDivisionError"),
        IDLE,
    )
    assert outcome.is_over
    assert outcome.error == "ZeroDivisionError"


def test_a_session_that_ends_and_a_message_that_is_refused() -> None:
    with pytest.raises(Failed) as failed:
        outcome_of(message("status", None, execution_state="dead", reason="memory"))
    assert failed.value.kind == "the session ended: memory"
    with pytest.raises(Failed) as failed:
        outcome_of(message("error", ename="too_many_requests", evalue="...", traceback=[]))
    assert failed.value.kind == "refused: too_many_requests"


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"header": 1, "parent_header": [], "content": None},
        message("display_data", data=5),
        message("execute_reply", status="ok", payload={"new_files": 1}),
        message("stream"),
    ],
)
def test_other_shapes_do_no_harm(value: dict[str, Any]) -> None:
    assert not outcome_of(value).files
