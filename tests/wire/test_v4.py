"""Present kernels understand the requests of old editors, whatever version these state."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.adapter import adapt

from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import SHELL, Message, dump
from sagecell_tx.wire.v4 import LONGEST, REMEMBERED, V4Client
from tests.wire.strategies import json_objects, json_values

NOW = "2026-01-02T03:04:05.678901Z"

OLD_TYPES = ("complete_request", "object_info_request", "execute_request")


def asked(msg_type, content, msg_id="1"):
    """A client's request, as it comes through the text wire: with a version."""
    header = {"msg_id": msg_id, "msg_type": msg_type}
    return textwire.parse(json.dumps({"header": header, "content": content}).encode(), date=NOW)


def reply(msg_type, content, parent="1", parent_type="inspect_request"):
    header = {"msg_id": "k_1", "msg_type": msg_type}
    return Message(
        channel=SHELL,
        msg_id="k_1",
        msg_type=msg_type,
        header=dump(header),
        parent_header=dump({"msg_id": parent, "msg_type": parent_type}),
        content=content if isinstance(content, bytes) else dump(content),
    )


def test_a_completion_is_asked_and_answered():
    """contract: T1, 3.2"""
    client = V4Client()
    sent = client.adapt_request(
        asked("complete_request", {"text": "so", "line": "x = so", "cursor_pos": 6, "mode": "sage"})
    )
    assert sent.msg_type == "complete_request"
    assert sent.parsed_content() == {"code": "x = so", "cursor_pos": 6}
    content = {"matches": ["sorted"], "cursor_start": 4, "cursor_end": 6, "status": "ok"}
    said = client.adapt_reply(reply("complete_reply", content))
    assert said.parsed_content() == {**content, "matched_text": "so"}
    assert said.msg_type == "complete_reply"


def test_an_inspection_is_asked_and_answered_under_its_old_name():
    """contract: T1, 3.2"""
    client = V4Client()
    sent = client.adapt_request(
        asked("object_info_request", {"oname": "int.real", "detail_level": 1})
    )
    assert sent.msg_type == json.loads(sent.header)["msg_type"] == "inspect_request"
    assert sent.msg_id == "1"
    assert sent.parsed_content() == {"code": "int.real", "cursor_pos": 8, "detail_level": 1}
    data = {"text/plain": "\x1b[31mDocstring:\x1b[39m the real part"}
    content = {"status": "ok", "found": True, "data": data, "metadata": {}}
    said = client.adapt_reply(reply("inspect_reply", content))
    assert said.msg_type == json.loads(said.header)["msg_type"] == "object_info_reply"
    assert json.loads(said.parent_header)["msg_type"] == "object_info_request"
    assert said.parent_id == "1"
    told = said.parsed_content()
    assert told["docstring"] == "Docstring: the real part"
    assert (told["oname"], told["found"], told["data"]) == ("int.real", True, data)


def test_variables_are_expressions_now():
    """contract: 2.4, T1"""
    client = V4Client()
    sent = client.adapt_request(
        asked(
            "execute_request",
            {
                "code": "a = 1",
                "user_variables": ["a", 7],
                "user_expressions": {"_sagecell_files": "sys._sage_.new_files()"},
            },
        )
    )
    assert sent.parsed_content() == {
        "code": "a = 1",
        "user_expressions": {"a": "a", "_sagecell_files": "sys._sage_.new_files()"},
    }


@given(st.text(max_size=30), st.integers(0, 40), st.text(max_size=5))
def test_jupyters_own_adapter_agrees_where_it_adapts_at_all(line, cursor, text):
    """contract: T1"""
    content = {"text": text, "line": line, "block": None, "cursor_pos": min(cursor, len(line))}
    header = {"msg_id": "1", "msg_type": "complete_request"}
    oracle = adapt({"header": dict(header), "content": dict(content), "parent_header": {}})
    sent = V4Client().adapt_request(asked("complete_request", content)).parsed_content()
    if line:
        assert sent["code"] == oracle["content"]["code"]
        assert sent["cursor_pos"] == oracle["content"]["cursor_pos"]


def test_a_cursor_that_is_nowhere_is_at_the_end():
    """contract: T1"""
    for cursor in (-1, 4, 2**70, 1.0, "1", None, True):
        content = {"line": "abc", "text": "", "cursor_pos": cursor}
        assert V4Client().adapt_request(asked("complete_request", content)).parsed_content() == {
            "code": "abc",
            "cursor_pos": 3,
        }


def test_todays_requests_pass_untouched():
    client = V4Client()
    for msg_type, content in (
        ("complete_request", {"code": "so", "cursor_pos": 2}),
        ("complete_request", {"code": "so", "cursor_pos": 2, "line": "so"}),
        ("inspect_request", {"code": "so", "cursor_pos": 2, "oname": "x"}),
        ("execute_request", {"code": "user_variables"}),
        ("kernel_info_request", {}),
    ):
        message = asked(msg_type, content)
        assert client.adapt_request(message) is message
    said = reply("complete_reply", {"matches": []})
    assert client.adapt_reply(said) is said


def test_only_who_asked_so_is_answered_so():
    client = V4Client()
    client.adapt_request(asked("object_info_request", {"oname": "int"}, msg_id="old"))
    for said in (
        reply("inspect_reply", {"found": False}, parent="another"),
        reply("complete_reply", {"matches": []}, parent="old"),
        reply("stream", {"text": "x"}, parent="old"),
    ):
        assert client.adapt_reply(said) is said
    assert client.adapt_reply(reply("inspect_reply", {"found": False}, "old")).msg_type != (
        "inspect_reply"
    )
    again = reply("inspect_reply", {"found": False}, "old")
    assert client.adapt_reply(again) is again


def test_a_client_that_never_waits_is_not_remembered_for_ever():
    client = V4Client()
    for number in range(REMEMBERED + 1):
        client.adapt_request(asked("object_info_request", {"oname": "int"}, msg_id=str(number)))
    forgotten, kept = (reply("inspect_reply", {"found": False}, str(n)) for n in (0, REMEMBERED))
    assert client.adapt_reply(forgotten) is forgotten
    assert client.adapt_reply(kept).msg_type == "object_info_reply"


_KEYS = st.sampled_from(
    ["text", "line", "code", "cursor_pos", "oname", "detail_level", "user_variables", "found"]
)
_CONTENTS = st.dictionaries(_KEYS, json_values, max_size=5) | json_objects


@given(st.sampled_from(OLD_TYPES), _CONTENTS, _CONTENTS)
def test_nothing_that_anybody_sends_breaks_it(msg_type, request, answer):
    """contract: T1"""
    client = V4Client()
    sent = client.adapt_request(asked(msg_type, request))
    assert isinstance(sent.parsed_content(), dict)
    assert sent.msg_id == "1"
    for kind in ("complete_reply", "inspect_reply"):
        assert isinstance(client.adapt_reply(reply(kind, answer)).parsed_content(), dict)


def test_a_kernel_that_answers_nonsense_is_passed_on():
    client = V4Client()
    client.adapt_request(asked("object_info_request", {"oname": "int"}))
    said = reply("inspect_reply", b"[]")
    assert client.adapt_reply(said).content == b"[]"


def test_what_is_longer_than_such_editors_know_is_not_looked_into():
    long = asked("complete_request", {"line": "x" * LONGEST, "cursor_pos": 0})
    assert V4Client().adapt_request(long) is long


def test_what_has_more_in_it_than_a_question_is_not_looked_into():
    client = V4Client()
    for msg_type in OLD_TYPES:
        crowded = asked(msg_type, {"line": "so", "oname": "x", "user_variables": [[]] * 2100})
        assert client.adapt_request(crowded) is crowded
