"""Waits, failures, and the figures that are made of them."""

from __future__ import annotations

import json

import pytest

from sagecell_tx.remote.load.results import MOST_SENTENCES, Results, percentile


@pytest.mark.parametrize(
    ("percent", "value"), [(0, 1), (1, 1), (50, 50), (90, 90), (99, 99), (99.5, 100), (100, 100)]
)
def test_percentiles_of_a_hundred(percent: float, value: float) -> None:
    assert percentile(range(1, 101), percent) == value


def test_percentiles_of_few() -> None:
    assert percentile([], 50) == 0
    assert [percentile([7], each) for each in (0, 50, 100)] == [7, 7, 7]
    assert percentile([1, 2], 50) == 1


def test_rows_are_programs_over_transports() -> None:
    results = Results()
    for wait in (3.0, 1.0, 2.0):
        results.took("numpy", "poll", wait)
    results.part_took("(start)", "poll", 0.5)
    results.went_wrong("numpy", "poll", "503 draining")
    results.went_wrong("plot", "sockjs", "503 draining")
    rows = {(row.program, row.transport): row for row in results.rows}
    assert list(rows) == [("(start)", "poll"), ("numpy", "poll"), ("plot", "sockjs")]
    numpy = rows["numpy", "poll"]
    assert (numpy.done, numpy.failed, numpy.p50, numpy.longest) == (3, 1, 2, 3)
    assert (rows["plot", "sockjs"].done, rows["plot", "sockjs"].failed) == (0, 1)
    assert (results.done, results.failed, results.middle) == (3, 2, 2)


def test_what_is_good() -> None:
    assert not Results().are_good
    good, lost = Results(), Results()
    for results in (good, lost):
        results.took("numpy", "poll", 1)
    assert good.are_good
    lost.lost["file", "404"] += 1
    assert not lost.are_good
    failed = Results()
    failed.took("numpy", "poll", 1)
    failed.went_wrong("numpy", "poll", "no connection")
    assert not failed.are_good


def test_it_is_json() -> None:
    results = Results()
    results.took("numpy", "poll", 1 / 3)
    results.went_wrong("numpy", "poll", "no connection")
    results.kept["file"] += 2
    results.lost["file", "404"] += 1
    told = json.loads(json.dumps(results.fields))
    assert told["rows"] == [
        {
            "program": "numpy",
            "transport": "poll",
            "done": 1,
            "failed": 1,
            **dict.fromkeys(("p50", "p90", "p99", "longest"), 0.3333),
        }
    ]
    assert told["failures"][0]["kind"] == "no connection"
    assert told["lost"] == [{"what": "file", "why": "404", "number": 1}]


def test_the_sentences_that_are_kept_are_bounded() -> None:
    results = Results()
    for number in range(MOST_SENTENCES + 1):
        results.went_wrong("numpy", "poll", f"503 {number}", f"Sentence {number}.")
    results.went_wrong("numpy", "poll", "503 0", "Another one.")
    results.went_wrong("numpy", "poll", "no connection")
    assert len(results.told) == MOST_SENTENCES
    assert results.told["503 0"] == "Another one."
    told = {each["kind"]: each["told"] for each in results.fields["failures"]}
    assert (told["503 1"], told["no connection"]) == ("Sentence 1.", "")
