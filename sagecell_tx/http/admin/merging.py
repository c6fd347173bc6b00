"""What several web processes of one server tell of themselves, as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed

from sagecell_tx.sessions.metrics import Histogram, Kind, Measure

#: Fires with what each other process tells under that name, as JSON objects. One that does not answer is left out.
AskPeers = Callable[[str], Deferred[list[dict[str, Any]]]]

#: The names.
STATUS, MEASURES, OVERVIEW = "status", "measures", "overview"

#: The numbers of a status that are added up, and the counts by word.
_NUMBERS = ("running", "ready")
_COUNTS = ("ended", "ended_lately")
_TOP_COUNTS = ("queue", "refused", "messages_rejected")

#: Gauges that each process has of the whole server, so that the largest counts, and one of which the least does.
_OF_ALL = ("draining", "places", "machine_up", "sandbox_level", "build_info")
_LEAST = ("starting",)

#: Lists of an overview, with the field by which they are sorted, the largest first, and how many are told.
_SESSIONS = 500
_TOP = 10


def nobody(what: str) -> Deferred[list[dict[str, Any]]]:
    """The `AskPeers` of a server of one process."""
    return succeed([])


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def merged_status(own: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The status of all, of which `own` is that of the process that answers."""
    every = [own, *others]
    kernels = [each["kernels"] for each in every]
    merged = {name: _sum(each[name] for each in every) for name in _TOP_COUNTS}
    merged_kernels = {
        **own["kernels"],
        **{name: sum(each[name] for each in kernels) for name in _NUMBERS},
        **{name: _sum(each[name] for each in kernels) for name in _COUNTS},
    }
    return {
        **own,
        **merged,
        "starting": all(each["starting"] for each in every),
        "kernels": merged_kernels,
    }


def merged_overview(own: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The overview of all; the others' `status` is taken from their overviews."""
    every = [own, *others]
    sessions = [each for one in every for each in one["sessions"]]
    return {
        **own,
        "status": merged_status(own["status"], [each["status"] for each in others]),
        "sessions": sorted(sessions, key=lambda each: -each["age_seconds"])[:_SESSIONS],
        "sessions_total": sum(each["sessions_total"] for each in every),
        "machines": _merged(every, "machines", ("name",), ("kernels",)),
        "places": {
            purpose: {
                **places,
                "taken": sum(each["places"][purpose]["taken"] for each in every),
                "waiting": sum(each["places"][purpose]["waiting"] for each in every),
            }
            for purpose, places in own["places"].items()
        },
        "budgets": sorted(
            _merged(every, "budgets", ("purpose", "scope", "name"), ("kernels",)),
            key=lambda each: -each["kernels"],
        ),
        "queue": sorted(
            (each for one in every for each in one["queue"]),
            key=lambda each: (each["purpose"], each["position"]),
        ),
        "sites": sorted(
            _merged(every, "sites", ("site",), ("begun", "live")), key=lambda each: -each["begun"]
        )[:_TOP],
    }


def _merged(
    every: Iterable[dict[str, Any]], name: str, same: Sequence[str], added: Sequence[str]
) -> list[dict[str, Any]]:
    """The entries of a list of all, of which those with the `same` fields are one whose others are `added` up."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for entry in (entry for one in every for entry in one[name]):
        key = tuple(entry[field] for field in same)
        if key in found:
            for field in added:
                found[key][field] += entry[field]
        else:
            found[key] = dict(entry)
    return list(found.values())


def plain(measures: Iterable[Measure]) -> dict[str, Any]:
    """Measures as a JSON object."""
    return {
        measure.name: [
            [
                list(labels),
                [list(value.bounds), value.counts, value.total]
                if isinstance(value, Histogram)
                else value,
            ]
            for labels, value in measure.values.items()
        ]
        for measure in measures
    }


def merged_measures(own: Iterable[Measure], others: Sequence[dict[str, Any]]) -> Iterable[Measure]:
    """The measures of all, of which `own` are those of the process that answers."""
    for measure in own:
        values = dict(measure.values)
        for labels, value in (entry for one in others for entry in one.get(measure.name, ())):
            key = tuple(labels)
            values[key] = _added(measure, values.get(key), value)
        yield Measure(
            name=measure.name,
            kind=measure.kind,
            about=measure.about,
            labels=measure.labels,
            values=values,
        )


def _added(measure: Measure, present: float | Histogram | None, value: Any) -> float | Histogram:
    if measure.kind is Kind.HISTOGRAM:
        bounds, counts, total = value
        together = Histogram(tuple(bounds))
        if isinstance(present, Histogram):
            together.add(present.counts, present.total)
        together.add(counts, total)
        return together
    if present is None:
        return float(value)
    assert not isinstance(present, Histogram), "only the values of histograms are such"
    if measure.name in _OF_ALL:
        return max(present, float(value))
    if measure.name in _LEAST:
        return min(present, float(value))
    return float(present + value)
