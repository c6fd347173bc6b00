"""The output of a doctest's block as one text."""

from __future__ import annotations

from tests.sage.transcripts import transcribed


def stream(text):
    return {"msg_type": "stream", "content": {"name": "stdout", "text": text}}


def data(msg_type, text):
    return {"msg_type": msg_type, "content": {"data": {"text/plain": text}}}


def test_text_and_values_in_order():
    came = transcribed([stream("1\n"), stream("2\n"), data("execute_result", "3")])
    assert came == {"texts": ["1\n2\n3\n", "1\n2\n3\n"], "error": ""}


def test_a_picture_has_text_or_none():
    assert transcribed([data("display_data", "Graphics")])["texts"] == ["", "Graphics\n"]


def test_an_error():
    content = {"ename": "ValueError", "evalue": "no", "traceback": []}
    assert transcribed([{"msg_type": "error", "content": content}])["error"] == "ValueError: no\n"


def test_an_error_without_a_message():
    content = {"ename": "EmptySetError", "evalue": "", "traceback": []}
    assert transcribed([{"msg_type": "error", "content": content}])["error"] == "EmptySetError\n"
