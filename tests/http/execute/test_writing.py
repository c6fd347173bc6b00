"""How an object is written in a stream."""

from __future__ import annotations

import json

from sagecell_tx.http.execute.outputs import Cleared, Shown, Updated
from sagecell_tx.http.execute.writing import EventFormat, in_one
from sagecell_tx.http.serving.accept import EVENTS
from sagecell_tx.http.serving.ndjson import NDJSON

LINES = EventFormat(NDJSON)


def test_lines_and_events() -> None:
    assert LINES.line("end", b'{"a":1}') == b'{"type":"end","a":1}\n'
    assert LINES.line("end", b"{}") == b'{"type":"end"}\n'
    event = EventFormat(EVENTS).line("end", b'{"a":1}')
    assert event == b'event: end\ndata: {"type":"end","a":1}\n\n'


def test_what_happens_to_output() -> None:
    assert json.loads(LINES.event(Shown(output=b'{"a":1}', display_id='"'))) == {
        "type": "output",
        "output": {"a": 1},
        "display_id": '"',
    }
    updated = json.loads(LINES.event(Updated(output=b"{}", display_id="d")))
    assert updated == {"type": "update_display", "output": {}, "display_id": "d"}
    assert json.loads(LINES.event(Cleared(wait=False))) == {"type": "clear_output", "wait": False}


def test_a_whole_answer() -> None:
    assert in_one(b'{"a":1}', []) == b'{"a":1,"outputs":[]}'
    shown = [Shown(output=b"1"), Shown(output=b"2")]
    assert in_one(b'{"a":1}', shown) == b'{"a":1,"outputs":[1,2]}'
