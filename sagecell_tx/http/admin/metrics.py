"""``/metrics``: all measures in the text format of Prometheus. Only this module uses its library.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from attrs import define, field
from klein import Klein
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from typing_extensions import override

from sagecell_tx.http.admin.hostnames import check_host
from sagecell_tx.http.admin.merging import MEASURES, AskPeers, merged_measures, nobody
from sagecell_tx.http.serving.errors import handle_problems
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.metrics import Histogram, Kind, Measure, Source

#: What the names of our own measures begin with.
PREFIX = "sagecell_"

#: Series of one measure, and characters in the value of a label. There are few; a mistake that made many would fill
#: the memory of whoever stores them.
MOST = 200
LONGEST = 80

_ELSEWHERE = "This server has another name. The setting metrics.hosts lists its names."
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@define(kw_only=True)
class Metrics:
    """The route ``/metrics``. `sources` are asked each time; the process itself comes in addition.

    `beside` asks the other web processes of the same server, whose measures are added.
    If there are `hosts`, even an empty collection, who asks must name the server by one of them, by an address or as localhost.
    """

    sources: Sequence[Source]
    beside: AskPeers = nobody
    hosts: Collection[str] | None = None
    _registry: CollectorRegistry = field(factory=CollectorRegistry, init=False)
    _measures: _Measures = field(init=False)

    app = Klein()
    handle_problems(app)

    def __attrs_post_init__(self) -> None:
        self._measures = _Measures(self.sources)
        self._registry.register(self._measures)
        ProcessCollector(registry=self._registry)

    def mount(self, root: Resource) -> None:
        """Serve ``/metrics``."""
        root.putChild(b"metrics", Mounted(self.app))

    @app.route("/", methods=["GET"])
    async def show(self, request: IRequest) -> bytes:
        """All that is measured."""
        if self.hosts is not None:
            check_host(request, self.hosts, _ELSEWHERE)
        request.setHeader("Content-Type", _CONTENT_TYPE)
        request.setHeader("Cache-Control", "no-store")
        return self.text(await self.beside(MEASURES))

    def text(self, others: Sequence[dict[str, Any]] = ()) -> bytes:
        """The text that is served."""
        self._measures.others = others
        return generate_latest(self._registry)


class _Measures(Collector):
    """The measures of all sources, for a registry."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = list(sources)
        self.others: Sequence[dict[str, Any]] = ()

    @override
    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        for source in self._sources:
            yield from map(_family, merged_measures(source(), self.others))


def _family(measure: Measure) -> Metric:
    name, about, labels = PREFIX + measure.name, measure.about, measure.labels
    family: CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
    if measure.kind is Kind.COUNTER:
        family = CounterMetricFamily(name, about, labels=labels)
    elif measure.kind is Kind.GAUGE:
        family = GaugeMetricFamily(name, about, labels=labels)
    else:
        family = HistogramMetricFamily(name, about, labels=labels)
    for values, number in islice(measure.values.items(), MOST):
        named = [value[:LONGEST] for value in values]
        if isinstance(family, HistogramMetricFamily):
            assert isinstance(number, Histogram), "the values of histograms are such"
            buckets = [(floatToGoString(bound), count) for bound, count in number.cumulative]
            family.add_metric(named, buckets, number.total)
        else:
            assert not isinstance(number, Histogram), "only the values of histograms are such"
            family.add_metric(named, number)
    return family
