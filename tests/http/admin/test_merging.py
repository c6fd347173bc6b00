"""What several processes tell of themselves is told as one."""

from __future__ import annotations

import json
from typing import Any

from sagecell_tx.http.admin.merging import (
    merged_measures,
    merged_overview,
    merged_status,
    plain,
)
from sagecell_tx.sessions.metrics import Histogram, Kind, Measure, counters, gauge, histograms


def status(running: int, starting: bool = False, **ended: int) -> dict[str, Any]:
    return {
        "version": "1",
        "starting": starting,
        "kernels": {
            "running": running,
            "ready": 1,
            "limit": 65,
            "ended": ended,
            "ended_lately": {},
        },
        "queue": {"kernel": running, "service": 0},
        "refused": {"draining": 1},
        "messages_rejected": {},
    }


def test_of_one_process_nothing_changes() -> None:
    own = status(3, finished=2)
    assert merged_status(own, []) == own
    assert merged_overview(overview(3), []) == overview(3)


def test_numbers_are_added_up_and_limits_are_not() -> None:
    merged = merged_status(status(3, finished=2), [status(4, True, finished=1, idle=5)])
    assert merged["kernels"] == {
        "running": 7,
        "ready": 2,
        "limit": 65,
        "ended": {"finished": 3, "idle": 5},
        "ended_lately": {},
    }
    assert merged["queue"] == {"kernel": 7, "service": 0}
    assert merged["refused"] == {"draining": 2}
    assert merged["starting"] is False  # somebody can start kernels


def overview(running: int) -> dict[str, Any]:
    places = {"taken": running, "limit": 64, "waiting": 1, "queue_limit": 128}
    return {
        "status": status(running),
        "uptime_seconds": 5.0,
        "machines": [{"name": "local", "kernels": running}],
        "sessions": [{"handle": f"of-{running}", "age_seconds": running}],
        "sessions_total": 1,
        "places": {"kernel": places},
        "budgets": [
            {"purpose": "kernel", "scope": "key", "name": "k", "kernels": running, "limit": 9}
        ],
        "queue": [{"purpose": "kernel", "position": running}],
        "sites": [{"site": "a.example", "begun": running, "live": 1}],
    }


def test_sessions_of_all_are_listed() -> None:
    merged = merged_overview(overview(3), [overview(1), overview(5)])
    assert [each["handle"] for each in merged["sessions"]] == ["of-5", "of-3", "of-1"]
    assert merged["sessions_total"] == 3
    assert merged["machines"] == [{"name": "local", "kernels": 9}]
    assert merged["places"]["kernel"]["taken"] == 9
    assert merged["places"]["kernel"]["limit"] == 64
    assert [each["kernels"] for each in merged["budgets"]] == [9]
    assert [each["position"] for each in merged["queue"]] == [1, 3, 5]
    assert merged["sites"] == [{"site": "a.example", "begun": 9, "live": 3}]
    assert merged["status"]["kernels"]["running"] == 9


def measures(number: int) -> list[Measure]:
    taken = Histogram((0.1, 1.0))
    taken.observe(0.05 * number)
    return [
        gauge("sessions", "Sessions.", number),
        gauge("places", "Places.", 64),
        gauge("starting", "Starting.", number % 2),
        counters("ends", "Ends.", "reason", {"idle": number}),
        histograms("store_seconds", "Times.", "operation", {"read": taken}),
        Measure(name="none", kind=Kind.GAUGE, about="None.", labels=("a",), values={}),
    ]


def test_measures_are_added_up() -> None:
    others = [json.loads(json.dumps(plain(measures(number)))) for number in (2, 30)]
    others[0]["ends"].append([["crashed"], 4])
    merged = {each.name: each for each in merged_measures(measures(1), others)}
    assert merged["sessions"].values == {(): 33}
    assert merged["places"].values == {(): 64}
    assert merged["starting"].values == {(): 0}
    assert merged["ends"].values == {("idle",): 33, ("crashed",): 4}
    taken = merged["store_seconds"].values["read",]
    assert isinstance(taken, Histogram)
    assert taken.counts == [2, 0, 1]
    assert round(taken.total, 2) == 1.65
    assert merged["none"].values == {}


def test_what_is_asked_again_is_not_added_twice() -> None:
    own = measures(1)
    for _ in range(2):
        (first, *_) = merged_measures(own, [plain(measures(2))])
        assert first.values == {(): 3}
