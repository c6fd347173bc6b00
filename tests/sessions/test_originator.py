"""Messages that this server creates itself."""

from __future__ import annotations

import math
from itertools import count

import pytest

from sagecell_tx.sessions.originator import Originator
from sagecell_tx.wire.messages import IOPUB, SHELL, parse_object
from tests.sessions.samples import KERNEL_ID, ids


def test_each_message_has_an_id_and_a_time_of_its_own() -> None:
    seconds = count()
    originator = Originator(new_id=ids(), now=lambda: f"2026-01-01T00:00:0{next(seconds)}+00:00")
    first = originator.originate(SHELL, "execute_request", {"code": "1"})
    second = originator.originate(SHELL, "execute_request", {"code": "1"})

    assert [first.msg_id, second.msg_id] == ["id1", "id2"]
    assert [parse_object(each.header)["date"] for each in (first, second)] == [
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:01+00:00",
    ]


def test_a_message_says_whose_it_is_and_what_it_answers() -> None:
    originator = Originator(new_id=ids(), now=lambda: "")
    parent = b'{"msg_id":"r1"}'
    message = originator.originate(
        IOPUB, "status", {"execution_state": "dead"}, session=KERNEL_ID, parent_header=parent
    )

    assert (message.channel, message.msg_type) == (IOPUB, "status")
    assert parse_object(message.header)["session"] == KERNEL_ID
    assert message.parent_header == parent
    assert message.parsed_content() == {"execution_state": "dead"}


def test_what_cannot_be_json_is_refused() -> None:
    originator = Originator(new_id=ids(), now=lambda: "")
    with pytest.raises(ValueError, match="JSON"):
        originator.originate(SHELL, "execute_request", {"value": math.inf})
