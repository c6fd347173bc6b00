"""A reply names no file that was not stored, and passes unchanged when it is malformed."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from sagecell_tx.sessions.requests.notices import REPLY, in_language, without_files
from sagecell_tx.wire.messages import Message
from tests.sessions.samples import request, said


def reply(content: Any = None, *, text: bytes = b"") -> Message:
    message = said("execute_reply", content or {}, request())
    return attrs.evolve(message, content=text) if text else message


def test_only_these_names_are_taken_out() -> None:
    content = {
        "status": "ok",
        "payload": [
            {"source": "page", "data": {"text/plain": "a"}},
            {"source": "sagecell", "new_files": ["a", "b", "ä/c"]},
            {"new_files": ["b"]},
        ],
    }
    told = without_files(reply(content), {"a", "ä/c"}).parsed_content()
    assert [part.get("new_files") for part in told["payload"]] == [None, ["b"], ["b"]]
    assert told["payload"][0] == content["payload"][0]


@pytest.mark.parametrize(
    "content",
    [{}, {"payload": None}, {"payload": {"new_files": ["a"]}}, {"payload": [1, None, ["a"]]}],
)
def test_a_reply_of_another_shape_says_the_same(content: dict[str, Any]) -> None:
    assert without_files(reply(content), {"a"}).parsed_content() == content


@pytest.mark.parametrize(
    "text",
    [
        b"[",
        b"[1]",
        b'{"payload": [{"new_files": [["a"], {}]}]}',
        b'{"payload": [{"new_files": ["a"]}], "x": 1e999}',
        b'{"payload": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"payload": [{"new_files": ["a"]}], "x": "' + b"x" * REPLY + b'"}',
    ],
)
def test_what_makes_no_sense_is_passed_on(text: bytes) -> None:
    message = reply(text=text)
    assert without_files(message, {"a"}) is message


# --- languages


def request_with(metadata: bytes) -> Message:
    return attrs.evolve(request(), metadata=metadata)


@pytest.mark.parametrize("metadata", [b"{}", b" { } ", b'{"cellId":"7"}', b'\n{ "a": {"b": 1}}'])
def test_a_program_without_a_language_gets_one(metadata: bytes) -> None:
    told = json.loads(in_language(request_with(metadata), "python").metadata)
    assert told == {**json.loads(metadata), "language": "python"}


def test_a_program_keeps_its_own_language() -> None:
    told = in_language(request_with(b'{"language": "sage"}'), "python").metadata
    assert json.loads(told) == {"language": "sage"}


def test_metadata_that_is_no_object_stays() -> None:
    for metadata in (b"", b"[]", b"null"):
        assert in_language(request_with(metadata), "python").metadata == metadata
