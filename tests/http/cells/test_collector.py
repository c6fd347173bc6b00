"""The output of one program is kept up to a limit, whatever its kernel sends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

from attrs import define

from sagecell_tx.http.cells.collector import CUT, LEFT_OUT, Collector
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.wire.messages import IOPUB, Message, dump


def message(kind: str, content: Any) -> Message:
    header = json.dumps({"msg_id": "k1", "msg_type": kind}).encode()
    return Message(
        channel=IOPUB,
        msg_id="k1",
        msg_type=kind,
        header=header,
        parent_header=b'{"msg_id": "r1"}',
        content=content if isinstance(content, bytes) else json.dumps(content).encode(),
    )


def display(text: str, display_id: object = None, kind: str = "display_data") -> Message:
    transient = {} if display_id is None else {"display_id": display_id}
    content = {"data": {"text/plain": text}, "metadata": {}, "transient": transient}
    return message(kind, content)


def update(text: str, display_id: object) -> Message:
    return display(text, display_id, "update_display_data")


@define
class Messages:
    """A session, and the attachment to it, whose messages are given."""

    _messages: list[Message]

    def attach(self, listener: object) -> Messages:
        return self

    def read(self, room: int) -> list[Message]:
        messages, self._messages = self._messages, []
        return messages


def collected(limit: int, *messages: Message) -> Collector:
    collector = Collector("r1", limit)
    collector.listen(cast(Session, Messages(list(messages))))
    collector.wake()
    return collector


def shown(collector: Collector) -> list[str]:
    return [json.loads(each)["data"]["text/plain"] for each in collector.displays]


def test_one_that_is_closed_twice_is_done_once() -> None:
    collector = Collector("m1", 10)
    collector.wake()
    collector.close("crashed")
    collector.close("crashed")
    assert collector.done.called


def test_an_update_replaces_its_display() -> None:
    first = [display("a", "k"), display("b"), display("c", "other")]
    collector = collected(1000, *first, update("d", "k"), update("e", "nobody's"))
    assert shown(collector) == ["d", "b", "c"]
    collector = collected(1000, *first, display("f", "k"), update("g", 0), update("h", ["k"]))
    assert shown(collector) == ["f", "b", "c"]


def test_the_last_result_counts() -> None:
    collector = collected(
        1000, display("1", kind="execute_result"), display("2", kind="execute_result")
    )
    assert json.loads(collector.result or b"") == {"data": {"text/plain": "2"}, "metadata": {}}
    assert collector.displays == []


def test_what_is_too_long_is_left_out_and_what_follows_is_kept() -> None:
    collector = collected(
        500,
        display("a"),
        display("x" * 1000),
        display("y" * 1000, kind="execute_result"),
        display("b"),
        message("stream", {"name": "stdout", "text": "c"}),
    )
    assert shown(collector) == ["a", "b"]
    assert collector.result is None
    assert collector.streams == {"stderr": [LEFT_OUT], "stdout": ["c"]}


def test_displays_and_text_have_one_limit() -> None:
    text = message("stream", {"name": "stdout", "text": "x" * 450})
    collector = collected(500, text, display("a" * 100), text, display("b"), text)
    assert shown(collector) == []
    assert collector.streams == {"stdout": ["x" * 450, "x" * 50], "stderr": [LEFT_OUT, CUT]}


def test_updates_count_too() -> None:
    collector = collected(500, display("a", "k"), *[update("b" * 100, "k")] * 1000)
    assert shown(collector) == ["b" * 100]
    assert collector.streams == {"stderr": [LEFT_OUT]}


def test_what_no_answer_can_hold_is_left_out_and_counts() -> None:
    hostile = [
        message("display_data", b'{"data": {"a": 1e999}}'),
        message("display_data", b"not JSON"),
        message("execute_result", b"[" * 300),
        message("update_display_data", b"5"),
    ]
    collector = collected(100_000, *hostile, display("a"))
    assert shown(collector) == ["a"]
    assert collector.result is None
    collector = collected(400, *hostile * 1000, display("a"))
    assert (shown(collector), collector.streams) == ([], {"stderr": [LEFT_OUT]})


def test_data_of_any_type() -> None:
    given: list[Any] = [None, [], "x", 5, {"a": {"b": 1}}]
    odd = [message("display_data", {"data": data}) for data in given]
    collector = collected(1000, *odd, message("display_data", {}))
    assert [json.loads(each)["data"] for each in collector.displays] == [
        {},
        {},
        {},
        {},
        {"a": {"b": 1}},
        {},
    ]


def test_text_after_a_display_that_is_longer_as_json() -> None:
    """An accent has two bytes in UTF-8 and six as JSON."""
    emoji = message("stream", {"name": "stdout", "text": "\U0001f600" * 155})
    accents = '{"data": {"text/plain": "%s"}, "metadata": {}}' % ("\u00e9" * 30)
    more = message("stream", {"name": "stdout", "text": "hello"})
    collector = collected(1000, emoji, message("display_data", accents.encode()), more)
    assert shown(collector) == []
    assert collector.streams["stderr"] == [LEFT_OUT, CUT]
    # The rest of the room is gone, and nothing was printed yet.
    accents = accents.replace("\u00e9", "\u00e9" * 13)
    collector = collected(1000, message("display_data", accents.encode()), more, more)
    assert collector.streams == {"stderr": [LEFT_OUT, CUT]}


def test_displays_are_kept_as_json() -> None:
    collector = collected(1000, message("display_data", {"data": {"a": [[]] * 9}}))
    assert collector.displays == [b'{"data":{"a":[' + b",".join([b"[]"] * 9) + b']},"metadata":{}}']


def test_what_takes_long_to_parse_is_parsed_once() -> None:
    lists = b'{"data": {"a": [' + b",".join([b"[]"] * 20_000) + b"]}}"
    collector = collected(1_000_000, *[message("display_data", lists)] * 9, display("b"))
    assert len(collector.displays) == 2
    assert collector.streams == {"stderr": [LEFT_OUT]}
    more = b', "more": [[]]}'
    hidden = [
        message("stream", b'{"name": "stdout", "text": "a"' + more),
        message("status", b'{"execution_state": "idle"' + more + b" " * 5000),
        message("execute_reply", {"status": "ok"}),  # on iopub, where any number may come
    ]
    collector = collected(1000, *hidden)
    assert (collector.streams, collector.reply, collector.done.called) == ({}, None, False)


def written(call: Callable[[], object]) -> int:
    """The characters of texts that a call writes as JSON."""
    count = 0

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        if event == "call" and frame.f_code is dump.__code__:
            count += len(frame.f_locals["value"])

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(before)
    return count


def test_text_is_cut_in_linear_time_where_its_start_is_longer_as_json() -> None:
    """Cutting in proportion cut a little at a time, and wrote all of the text for each."""
    emoji, letters = "\U0001f600" * 2000, "a" * 1000
    text = message("stream", {"name": "stdout", "text": emoji + letters})
    kept: list[Collector] = []
    assert written(lambda: kept.append(collected(12_010, text))) < 3 * 3000
    assert kept[0].streams == {"stdout": [emoji + letters[:20]], "stderr": [CUT]}


def test_no_character_more_fits() -> None:
    for count in range(1, 40):
        for limit in range(1, 40):
            text = message("stream", {"name": "stdout", "text": "a\u00e9" * count})
            kept = "".join(collected(limit, text).streams["stdout"])
            assert ("a\u00e9" * count).startswith(kept)
            assert len(kept) <= limit
            assert len(dump(kept)) - 2 <= 2 * limit
            more = ("a\u00e9" * count)[: len(kept) + 1]
            assert more == kept or len(more) > limit or len(dump(more)) - 2 > 2 * limit
