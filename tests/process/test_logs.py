"""Records of the log: one for each event, whatever the event has."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from sagecell_tx.process.logs import LONGEST, LogWriter, visible, writing_to

ID = "74ff2342-cee4-4652-bd63-ff2a321aae60"

FORGED = "\n2026-01-01T00:00:00+0000 [sagecell_tx.server#info] ready"

#: How a record of text begins.
BEGINNING = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[[^\]]*\] ")


def written(format: str = "text", *, truncated: bool = True, **event: Any) -> str:  # noqa: A002
    """What is written for one event."""
    records: list[str] = []
    writer = LogWriter(write=records.append, format=format, truncated=truncated)
    full: LogEvent = {
        "log_time": 1_764_500_000.5,
        "log_level": LogLevel.info,
        "log_namespace": "sagecell_tx.tests",
        **event,
    }
    writer(full)
    return "".join(records)


def parsed(**event: Any) -> dict[str, Any]:
    """The record of JSON for one event."""
    (line,) = written("json", **event).splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


def failure(text: str) -> Failure:
    """A failure whose exception has that text."""
    try:
        raise ValueError(text)
    except ValueError:
        return Failure()


def test_a_record_of_text() -> None:
    record = written(log_format="{kernel}: {why}", kernel="ready-1", why="stopped")
    assert BEGINNING.match(record)
    assert record.endswith("[sagecell_tx.tests#info] ready-1: stopped\n")


def test_a_record_of_json() -> None:
    assert parsed(log_format="{kernel}: {why}", kernel=ID, why="stopped", number=7) == {
        "time": "2025-11-30T10:53:20.500000+00:00",
        "level": "info",
        "logger": "sagecell_tx.tests",
        "text": "74ff2342-...: stopped",
        "kernel": "74ff2342-...",
        "number": 7,
    }


def test_an_event_without_text_has_no_record() -> None:
    assert written() == ""
    assert written("json") == ""


def test_lines_of_programs_that_do_not_know_the_logger() -> None:
    record = written(log_format="{log_text}", log_text="hello", log_system="-", log_namespace=None)
    assert record.endswith(" [-] hello\n")


def test_a_traceback_belongs_to_its_record() -> None:
    event: dict[str, Any] = {"log_format": "it failed", "log_failure": failure(f"of {ID}{FORGED}")}
    first, *others = written(**event).splitlines()
    assert first.endswith("it failed")
    assert len(others) > 2
    assert all(line.startswith("\t") for line in others)
    record = parsed(**event)
    assert record["text"] == "it failed"
    assert "Traceback" in record["traceback"]
    assert ID not in record["traceback"]
    assert "of 74ff2342-..." in record["traceback"]


def test_an_exception_that_cannot_be_shown() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    try:
        raise Silent
    except Silent:
        bad = Failure()
    assert "it failed" in written(log_format="it failed", log_failure=bad)
    assert parsed(log_format="it failed", log_failure=bad)["text"] == "it failed"


def test_a_text_that_cannot_be_made() -> None:
    assert "Unable to format event" in written(log_format="{missing.name}")


@pytest.mark.parametrize("format", ["text", "json"])  # the parameter's own name
def test_nobody_can_write_a_record_of_their_own(format: str) -> None:  # noqa: A002
    hostile = f"\r{FORGED}\x1b[31m\x00\x85\u2028\u202e\ud800"
    record = written(format, log_format="{name}", name=hostile)
    assert record.count("\n") == (2 if format == "text" else 1)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", record)
    for line in record.splitlines()[1:]:
        assert line.startswith("\t")
    if format == "json":
        assert json.loads(record)["text"].startswith("\\r\n2026")


@given(st.text())
def test_a_record_of_json_is_one_line(text: str) -> None:
    record = parsed(log_format="{text}.", text=text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", record["text"])


@given(st.text())
def test_every_further_line_of_a_text_begins_with_a_tab(text: str) -> None:
    first, *others = written(log_format="{text}.", text=text).removesuffix("\n").split("\n")
    assert BEGINNING.match(first)
    assert all(line.startswith("\t") for line in others)


@given(st.text())
def test_what_is_visible_stays_so(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_no_record_is_so_long_that_the_journal_would_cut_it() -> None:
    for text in ("x" * 10_000_000, f"{ID} " * 100_000, "\x1b" * 100_000):
        record = written(log_format="{text}", text=text)
        assert ID not in record
        assert ID[:20] not in record
        assert "characters ..." in record
        assert len(record) < 4 * LONGEST + 300
    assert len(written(log_format="x", log_failure=failure("x" * 10_000_000))) < 2 * LONGEST


def test_addresses_as_the_operator_wants() -> None:
    event: dict[str, Any] = {"log_format": "of {name}", "name": "203.0.113.9"}
    assert written(**event).endswith("of 203.0.113.0\n")
    assert written(truncated=False, **event).endswith("of 203.0.113.9\n")


def test_it_is_an_observer_of_twisteds_logger() -> None:
    records: list[str] = []
    publisher = LogPublisher(LogWriter(write=records.append))
    Logger("tests", observer=publisher).error("{word} there", word="hello")
    (record,) = records
    assert record.endswith("[tests#error] hello there\n")


def test_a_stream_that_cannot_hold_a_character() -> None:
    raw = io.BytesIO()
    write = writing_to(io.TextIOWrapper(raw, encoding="ascii"))
    write("\xe9t\xe9 \u2200\n")
    assert raw.getvalue() == b"\\xe9t\\xe9 \\u2200\n"
