"""Requests are answered in forks, cell by cell, however the forks end."""

from __future__ import annotations

import os
import sys

import pytest

from tests.integration.waiting import until
from tests.sage.plain import Message, Stream
from tests.sage.plainclient import PlainSage

pytestmark = pytest.mark.integration

#: Evaluates Python, in place of Sage.
PROGRAM = """\
import os, time
from tests.sage.plain import serve
serve(lambda request: map(eval, request["run"]))
"""


@pytest.fixture(scope="module")
def python():
    with PlainSage(sys.executable, ("-c", PROGRAM)) as running:
        yield running


def test_all_answers(python):
    cells = ["1 + 1", "'x' * 100_000", "[1, {'a': None}]", "b'abc'"]
    assert python.run(cells, seconds=60) == [2, "x" * 100_000, [1, {"a": None}], "YWJj"]
    assert python.run([], seconds=60) == []


def test_the_answers_before_the_end(python):
    assert python.run(["1", "os._exit(3)", "2"], seconds=60) == [1]
    # Again where the machine was busy for that second.
    until(lambda: python.run(["1", "time.sleep(600)", "2"], seconds=1) == [1])


def test_nothing_is_printed_among_the_answers(python):
    assert python.run(["print(1)", "os.system('echo 2')"], seconds=60) == [None, 0]


def test_each_has_a_directory_of_its_own(python):
    first, again = python.run(["os.getcwd()", "os.getcwd()"], seconds=60)
    (second,) = python.run(["os.getcwd()"], seconds=60)
    assert first == again != second
    assert not os.path.exists(first)


def test_streams():
    messages: list[Message] = []
    print("a", "b", file=Stream("stdout", messages))
    assert "".join(message["content"]["text"] for message in messages) == "a b\n"
    assert {message["content"]["name"] for message in messages} == {"stdout"}
