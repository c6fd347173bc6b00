"""Measures in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define
from prometheus_client.parser import text_string_to_metric_families
from typing_extensions import override

from sagecell_tx.http.admin.metrics import LONGEST, MOST, Metrics
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.urltree import Routes
from sagecell_tx.sessions.metrics import Histogram, Kind, Measure, counters, gauge, histograms
from tests.http.world import SiteTests, World


def series(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The numbers by name and labels, as a client of Prometheus reads them."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def shown(*measures: Measure) -> Any:
    """The numbers of our own measures, without those of the process."""
    metrics = Metrics(sources=[lambda: measures])
    found = series(metrics.text().decode("utf-8"))
    return {key: value for key, value in found.items() if key[0].startswith("sagecell_")}


def test_a_gauge_and_a_counter() -> None:
    ends = counters("session_ends", "Ends.", "reason", {"idle": 3, "crashed": 0})
    assert shown(gauge("ready_kernels", "Ready.", 2), ends) == {
        ("sagecell_ready_kernels", frozenset()): 2,
        ("sagecell_session_ends_total", frozenset({("reason", "idle")})): 3,
        ("sagecell_session_ends_total", frozenset({("reason", "crashed")})): 0,
    }


def test_a_histogram() -> None:
    histogram = Histogram((0.5, 1.0))
    for value in (0.5, 0.7, 2.0):
        histogram.observe(value)
    found = shown(histograms("store_seconds", "Times.", "operation", {"read": histogram}))
    labels = {("operation", "read")}
    assert found == {
        ("sagecell_store_seconds_bucket", frozenset({*labels, ("le", "0.5")})): 1,
        ("sagecell_store_seconds_bucket", frozenset({*labels, ("le", "1.0")})): 2,
        ("sagecell_store_seconds_bucket", frozenset({*labels, ("le", "+Inf")})): 3,
        ("sagecell_store_seconds_count", frozenset(labels)): 3,
        ("sagecell_store_seconds_sum", frozenset(labels)): 3.2,
    }
    bare = Measure(name="lag_seconds", kind=Kind.HISTOGRAM, about=".", values={(): histogram})
    assert shown(bare)["sagecell_lag_seconds_count", frozenset()] == 3


def test_what_should_be_bounded_is_bounded() -> None:
    many = {f"{number}": number for number in range(10 * MOST)}
    assert len(shown(counters("refusals", "Refusals.", "code", many))) == MOST
    ((_, labels),) = shown(counters("refusals", "Refusals.", "code", {'x"\n\\' * 1000: 1}))
    ((_, value),) = labels
    assert len(value) == LONGEST
    assert value.startswith('x"\n\\x')


def test_the_process_is_measured_as_usual() -> None:
    found = {name for name, _ in series(Metrics(sources=[]).text().decode("utf-8"))}
    assert {"process_resident_memory_bytes", "process_open_fds", "process_max_fds"} <= found


def test_two_do_not_share_anything() -> None:
    one = Metrics(sources=[lambda: [gauge("one", "One.", 1)]])
    two = Metrics(sources=[lambda: [gauge("two", "Two.", 2)]])
    assert b"sagecell_two" not in one.text()
    assert b"sagecell_one" not in two.text()


@define(kw_only=True)
class MeasuredWorld(World):
    """A site with metrics."""

    @override
    def routes(self, web: WebServer) -> list[Routes]:
        def source() -> Iterator[Measure]:
            yield counters("http_answers", "Answers.", "status", dict(web.answered))

        return [*super().routes(web), Metrics(sources=[source])]


class RouteTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        self.world = MeasuredWorld(limits=self.limits, client=self.folder)

    def test_they_are_counted_when_they_are_asked_for(self) -> None:
        self.ask("GET", "/nothing")
        self.ask("GET", "/status.json")
        answer = self.ask("GET", "/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        found = series(answer.body.decode("utf-8"))
        name = "sagecell_http_answers_total"
        assert found[name, frozenset({("status", "2xx")})] == 1
        assert found[name, frozenset({("status", "4xx")})] == 1
        found = series(self.ask("GET", "/metrics").body.decode("utf-8"))
        assert found[name, frozenset({("status", "2xx")})] == 2

    def test_pages_of_others_cannot_read_them(self) -> None:
        answer = self.ask("GET", "/metrics", [("Origin", "https://book.example")])
        assert "access-control-allow-origin" not in answer.headers
