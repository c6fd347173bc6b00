"""A server's status as an operator sees it in a terminal."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from sagecell_tx.remote.statusscreen import MOST, duration, screen
from tests.http.admin.pages import AdminTests

#: JSON may have whole numbers of 500 digits, and 1e999.
HUGE = 10**499

STATUS: dict[str, Any] = {
    "version": "1.2",
    "starting": False,
    "draining": None,
    "sandbox": "namespaces",
    "kernels": {
        "running": 3,
        "ready": 2,
        "limit": 81,
        "ended": {"finished": 9, "crashed": 1},
        "ended_lately": {"finished": 4},
    },
    "queue": {"kernel": 2, "service": 0},
    "refused": {"too_many_kernels": 7},
    "messages_rejected": {},
}


def shown(fields: Any) -> str:
    return "\n".join(screen(fields))


def test_the_public_status() -> None:
    assert shown(STATUS).splitlines() == [
        "sagecell-tx 1.2, sandbox namespaces",
        "",
        "kernels   3 of 81 running, 2 ready",
        "waiting   kernel 2",
        "ended     finished 4 in the last five minutes",
        "          finished 9, crashed 1 since the start",
        "refused   too_many_kernels 7",
    ]


def test_what_is_unusual_stands_out() -> None:
    text = shown({**STATUS, "starting": True, "messages_rejected": {"bad_signature": 1}})
    assert "LOADING" in text
    assert "dropped   messages: bad_signature 1" in text
    assert "DRAINING for 4 min" in shown({**STATUS, "draining": {"seconds_left": 240}})


def test_many_sessions_fit_on_a_screen_those_that_use_most_first() -> None:
    sessions = [
        {"kernel": f"k{number}", "state": "busy", "age_seconds": 61, "cpu_seconds": number}
        for number in range(50)
    ]
    text = shown({"status": STATUS, "sessions": sessions, "sessions_total": 600})
    lines = text.splitlines()
    assert lines[-1] == f"and {600 - MOST} more, which use less of the processor"
    assert lines[-1 - MOST].split()[:5] == ["k49", "busy", "1", "min", "49.0"]
    assert len(lines) < 45


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": {}},
        {"kernels": [], "queue": 5, "refused": {"a": "b"}, "version": 7},
        {"status": {}, "sessions": [1, {}], "machines": {}, "sites": [{}], "sessions_total": "x"},
        {"draining": {"seconds_left": inf}},
        {"status": {}, "uptime_seconds": -inf, "sessions_total": inf},
        {
            "status": {},
            "sessions": [{"age_seconds": inf, "cpu_seconds": nan, "memory_bytes": HUGE}],
        },
        {
            "status": {},
            "sites": [{"begun": HUGE}],
            "machines": [{"load": HUGE}],
            "uptime_seconds": HUGE,
        },
        {"kernels": {"running": HUGE, "ended": {"idle": HUGE}}, "refused": {"a": True}},
    ],
)
def test_any_answer_can_be_shown(fields: Any) -> None:
    text = shown(fields)
    assert text.startswith("sagecell-tx")
    assert all(len(line) < 200 for line in text.splitlines())


def test_what_visitors_claim_does_no_harm() -> None:
    site = "\x1b[2Jevil\n\x9bx" + "w" * 300
    fields = {
        "status": {**STATUS, "refused": {site: 1}},
        "sessions": [{"kernel": site, "site": site, "cpu_seconds": 1}],
        "sites": [{"site": site, "begun": 1}],
        "machines": [{"name": site, "state": site}],
    }
    text = shown(fields)
    assert not {"\x1b", "\x9b"} & set(text)
    assert len(text.splitlines()) < 25


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h 0 min"), (200_000, "2 d 7 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class RealAnswerTests(AdminTests):
    def test_what_the_admin_page_tells_is_understood(self) -> None:
        kernel_id = self.kernel(Origin="https://book.example", X_Forwarded_For="203.0.113.77")
        text = shown(self.overview())
        assert "1 of 81 running" in text
        assert f"{kernel_id[:8]}-... " in text
        assert "book.example, 203.0.113.0/24" in text
        assert "local" in text
        assert "1 of 81 running" in shown(self.ask("GET", "/status.json").json)
