"""What a client may submit, and what it is told of anything else."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.execute.submission import Submission
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.limits import RequestLimits
from sagecell_tx.wire.messages import WireError

LIMITS = RequestLimits(code_characters=100, execute_files=2, execute_file_bytes=10)


def parsed(**fields: Any) -> Submission:
    return Submission.parse(json.dumps({"code": "1", **fields}).encode(), LIMITS)


def refused(body: bytes) -> tuple[int, str]:
    with pytest.raises((Problem, WireError)) as caught:
        Submission.parse(body, LIMITS)
    error: Any = caught.value
    assert str(error)
    return getattr(error, "status", 400), error.code


def test_the_least() -> None:
    assert parsed() == Submission(
        code="1", language="", files={}, seconds=30, idempotency_key="", accepted_tos=False
    )
    assert parsed(language=None, files=None, timeout=None, idempotency_key=None) == parsed()


def test_everything() -> None:
    files = [
        {"name": "a/b.txt", "text": "ä"},
        {"name": "c", "base64": base64.b64encode(b"\0\xff").decode()},
    ]
    fields = {"language": "r", "timeout": 2, "idempotency_key": "k!", "accepted_tos": True}
    assert parsed(files=files, **fields) == Submission(
        code="1",
        language="r",
        files={"a/b.txt": "ä".encode(), "c": b"\0\xff"},
        seconds=2,
        idempotency_key="k!",
        accepted_tos=True,
    )
    assert parsed(files=files).file_bytes == 4


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"code": None}, 400, "missing_code"),
        ({"code": 1}, 400, "invalid_field"),
        ({"code": "x" * 101}, 413, "code_too_long"),
        ({"code": "\0"}, 400, "invalid_text"),
        ({"code": "\ud800"}, 400, "invalid_text"),
        ({"time": 1}, 400, "unknown_field"),
        ({"language": "cobol"}, 400, "unknown_language"),
        ({"language": ["sage"]}, 400, "unknown_language"),
        ({"timeout": 0}, 400, "invalid_timeout"),
        ({"timeout": -1}, 400, "invalid_timeout"),
        ({"timeout": True}, 400, "invalid_timeout"),
        ({"timeout": "5"}, 400, "invalid_timeout"),
        ({"idempotency_key": ""}, 400, "invalid_idempotency_key"),
        ({"idempotency_key": "a b"}, 400, "invalid_idempotency_key"),
        ({"idempotency_key": "x" * 256}, 400, "invalid_idempotency_key"),
        ({"accepted_tos": "true"}, 400, "invalid_field"),
        ({"files": {}}, 400, "invalid_file"),
        ({"files": [1]}, 400, "invalid_file"),
        ({"files": [{"name": "a"}]}, 400, "invalid_file"),
        ({"files": [{"text": "a"}]}, 400, "invalid_file"),
        ({"files": [{"name": 1, "text": "a"}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "text": 1}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "text": "", "mode": 7}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "text": "", "base64": ""}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "text": "\ud800"}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "base64": "ab"}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "base64": "ä"}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "base64": "Y\nQ=="}]}, 400, "invalid_file"),
        ({"files": [{"name": "a", "text": ""}] * 2}, 400, "invalid_file"),
        ({"files": [{"name": str(n), "text": ""} for n in range(3)]}, 413, "too_many_files"),
        ({"files": [{"name": n, "text": "123456"} for n in "ab"]}, 413, "files_too_large"),
        *(
            ({"files": [{"name": name, "text": ""}]}, 400, "invalid_name")
            for name in ("", "/a", "../a", "a/../b", "a//b", "a\\b", "a\n", "\0", "x" * 1025)
        ),
    ],
)
def test_what_is_refused(fields: dict[str, Any], status: int, code: str) -> None:
    assert refused(json.dumps({"code": "1", **fields}).encode()) == (status, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"code": NaN}', b"\xff", b"[" * 999])
def test_what_is_no_object(body: bytes) -> None:
    assert refused(body) == (400, "invalid_json")


def test_more_time_than_there_is() -> None:
    assert parsed(timeout=1e300).seconds == 30
    assert Submission.parse(b'{"code": "", "timeout": 1e999}', LIMITS).seconds == 30


def test_which_submissions_are_the_same() -> None:
    one, other = {"name": "a", "text": "b"}, {"name": "b", "text": "a"}
    same = parsed(files=[one, other]).digest
    assert parsed(files=[other, one], idempotency_key="k", accepted_tos=True).digest == same
    for fields in ({"files": [one]}, {"files": [one, other], "timeout": 1}, {"code": "2"}):
        assert parsed(**fields).digest != same


@given(st.binary())
def test_any_bytes_are_refused(body: bytes) -> None:
    with suppress(Problem, WireError):
        assert Submission.parse(body, LIMITS).seconds <= 30
