"""Messages become outputs of a notebook's cell, within a limit."""

from __future__ import annotations

import json
from typing import Any

import nbformat
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.cells.collector import CUT, LEFT_OUT
from sagecell_tx.http.execute.outputs import (
    Cleared,
    Event,
    Outputs,
    Shown,
    Stream,
    Updated,
)
from sagecell_tx.http.execute.transcript import Transcript
from sagecell_tx.wire.messages import IOPUB, Message, dump

DATA = {"data": {"text/plain": "1"}, "metadata": {}}


def message(msg_type: str, content: Any) -> Message:
    written = content if isinstance(content, bytes) else dump(content)
    return Message(channel=IOPUB, msg_id="1", msg_type=msg_type, header=b"{}", content=written)


def stream(text: str, name: str = "stdout") -> Message:
    return message("stream", {"name": name, "text": text})


def events_of(outputs: Outputs, *messages: Message) -> list[Event]:
    return [event for each in messages for event in outputs.events(each)]


def of(*messages: Message, limit: int = 10_000) -> list[Event]:
    return events_of(Outputs(limit), *messages)


def told(transcript: Transcript) -> list[Any]:
    return [json.loads(each.output) for each in transcript.outputs]


def transcript(*messages: Message) -> list[Any]:
    made = Transcript(10_000)
    for event in of(*messages):
        made.add(event)
    return told(made)


def test_they_are_those_of_a_notebook() -> None:
    outputs = transcript(
        stream("a"),
        message("display_data", {**DATA, "transient": {"display_id": "d"}}),
        message("execute_result", {**DATA, "execution_count": 3}),
        message("error", {"ename": "E", "evalue": "v", "traceback": ["a", "b"]}),
    )
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.from_dict(each) for each in outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    assert [each["output_type"] for each in outputs] == [
        "stream",
        "display_data",
        "execute_result",
        "error",
    ]


def test_what_is_known_besides() -> None:
    outputs = Outputs(10_000)
    lines = ["\x1b[31mE\x1b[0m", "b"]
    events_of(
        outputs,
        message("execute_result", {**DATA, "execution_count": 3}),
        message("error", {"ename": "E", "evalue": "v", "traceback": lines}),
    )
    assert json.loads(outputs.value or b"") == DATA
    assert outputs.error == {
        "name": "E",
        "message": "v",
        "traceback": "E\nb",
        "traceback_ansi": "\x1b[31mE\x1b[0m\nb",
    }
    assert not outputs.truncated
    assert outputs.size > 100


def test_other_messages_are_no_output() -> None:
    for kind in ("status", "execute_input", "comm_msg", "sagecell_file"):
        assert of(message(kind, {"text": "a"})) == []


def test_streams_are_joined_and_kept_apart() -> None:
    outputs = transcript(stream("a"), stream("b"), stream("c", "stderr"), stream("d"))
    assert [(each["name"], each["text"]) for each in outputs] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_updates_and_removals() -> None:
    first = {**DATA, "transient": {"display_id": "d"}}
    second = {**first, "data": {"text/plain": "2"}}
    other = {**first, "transient": {"display_id": "other"}}
    updated = transcript(
        message("display_data", first),
        message("display_data", DATA),
        message("display_data", first),
        message("update_display_data", second),
        message("update_display_data", other),
    )
    assert [each["data"]["text/plain"] for each in updated] == ["2", "1", "2"]
    clear, wait = message("clear_output", {"wait": False}), message("clear_output", {"wait": True})
    assert transcript(stream("a"), clear) == []
    assert len(transcript(stream("a"), wait)) == 1
    assert [each["text"] for each in transcript(stream("a"), wait, stream("b"), stream("c"))] == [
        "bc"
    ]


def test_text_is_cut_at_the_limit_and_says_so_once() -> None:
    outputs = Outputs(100)
    events = events_of(outputs, stream("x" * 90), stream("y" * 90), stream("z"))
    assert events[0] == Stream(name="stdout", text="x" * 90)
    assert [each for each in events if each == Stream(name="stderr", text=CUT)] == events[-1:]
    assert outputs.truncated


def test_what_is_too_long_is_left_out_and_what_fits_is_not() -> None:
    outputs = Outputs(300)
    long = message("display_data", {"data": {"text/plain": "x" * 300}, "metadata": {}})
    events = events_of(outputs, long, long, message("display_data", DATA))
    assert events[0] == Stream(name="stderr", text=LEFT_OUT)
    assert [type(each) for each in events] == [Stream, Shown]
    assert outputs.truncated


def test_many_short_pieces_are_bounded() -> None:
    pieces = of(*[stream("x")] * 1000, limit=4900)
    assert len(pieces) <= 102


def test_malformed_content_does_no_harm() -> None:
    for content in (b"{", b"[]", b'{"data": 1e999}', b'{"data": {"a": 1e999}}', b"{}", b"null"):
        for kind in ("display_data", "execute_result", "update_display_data", "error", "stream"):
            for event in of(message(kind, content)):
                assert isinstance(event, Stream | Shown | Updated)
    assert of(message("stream", {"name": "other", "text": "a"})) == []
    assert of(message("clear_output", {"wait": 1})) == [Cleared(wait=False)]
    error = message("error", {"ename": 1, "evalue": None, "traceback": ["a", 1]})
    (shown,) = of(error)
    assert isinstance(shown, Shown)
    assert json.loads(shown.output)["traceback"] == ["a"]


CONTENT = st.dictionaries(
    st.sampled_from(["data", "metadata", "name", "text", "traceback", "wait", "transient"]),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
)
KINDS = ("stream", "display_data", "execute_result", "update_display_data", "error", "clear_output")


def shown(text: str, kind: str = "display_data", ident: str = "d") -> Message:
    data = {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": ident}}
    return message(kind, data)


def texts(made: Transcript) -> list[str]:
    return [each["data"]["text/plain"] for each in told(made) if "data" in each]


def test_an_update_of_many_displays_is_left_out_when_all_together_are_too_long() -> None:
    """A hundred bytes for each display and one long update would make an answer of gigabytes."""
    made = Transcript(1000)
    for event in of(*[shown("a")] * 5, shown("b" * 300, "update_display_data")):
        made.add(event)
    assert (texts(made), made.truncated) == (["a"] * 5, True)
    assert told(made)[-1] == {"output_type": "stream", "name": "stderr", "text": LEFT_OUT}


def test_so_is_one_more_display_as_all_before_it_would_show_the_same() -> None:
    made = Transcript(1000)
    for event in of(*[shown("a")] * 5, shown("b" * 300)):
        made.add(event)
    assert (texts(made), made.truncated) == (["a"] * 5, True)


def test_displays_count_as_what_they_show_now() -> None:
    made = Transcript(1000)
    update = "update_display_data"
    for event in of(
        *[shown("a")] * 3,
        shown("b" * 300, update),
        shown("c", update),
        *[shown("x", ident="other")] * 3,
        shown("d" * 300, update, "other"),
        message("clear_output", {"wait": False}),
        *[shown("a")] * 3,
        shown("e" * 300, update),
    ):
        made.add(event)
    assert (texts(made), made.truncated) == (["e" * 300] * 3, False)


@given(st.lists(st.tuples(st.sampled_from(KINDS), CONTENT)), st.integers(0, 300))
def test_whatever_comes_is_json_within_the_limit(
    sent: list[tuple[str, dict[str, Any]]], limit: int
) -> None:
    outputs, made = Outputs(limit), Transcript(limit)
    for kind, content in sent:
        written = json.dumps(content).encode()
        for event in outputs.events(message(kind, written)):
            made.add(event)
    whole = [each for each in told(made) if each.get("text") not in (CUT, LEFT_OUT)]
    own = len(CUT) + len(LEFT_OUT)
    # Text of ours may have joined that of the program.
    assert sum(len(dump(each)) for each in whole) <= limit + own + 64 * (len(whole) + 1)
