"""What can be seen of the server from outside: its metrics, and whether it is ready."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from attrs import define, field
from twisted.application.service import Service

from sagecell_tx import __version__
from sagecell_tx.assembly.listening import check_endpoint, own_service
from sagecell_tx.config import Config, ConfigError
from sagecell_tx.http.admin.health import DRAINING, STARTING, Health, Readiness
from sagecell_tx.http.admin.merging import AskPeers, nobody, plain
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.urltree import Routes
from sagecell_tx.process.lag import ReactorLag
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.fleet.kernelcheck import PATIENCE, KernelCheck
from sagecell_tx.sessions.fleet.measures import fleet_measures
from sagecell_tx.sessions.interfaces import LOCAL, HostService, ManyMachines
from sagecell_tx.sessions.metrics import (
    LAG_SECONDS,
    Histogram,
    Kind,
    Latencies,
    Measure,
    Source,
    counters,
    gauge,
    gauges,
    histograms,
)
from sagecell_tx.sessions.pool.pool import ReadyKernels
from sagecell_tx.store.database import Database


def kernel_readiness(reactor: Any, fleet: Fleet, host: HostService) -> Readiness:
    """Whether programs can be run: one is."""

    def obstacle() -> tuple[str, str] | None:
        if fleet.draining is not None or fleet.admission.is_draining:
            return DRAINING
        return STARTING if host.status.starting else None

    return Readiness(
        clock=reactor, check=KernelCheck(fleet=fleet, clock=reactor).run, obstacle=obstacle
    )


def database_readiness(reactor: Any, database: Database) -> Readiness:
    """Whether permalinks can be found."""
    return Readiness(clock=reactor, check=lambda: database.ping().addTimeout(PATIENCE, reactor))


def kernel_sources(fleet: Fleet, ready: ReadyKernels, host: HostService) -> list[Source]:
    """The measures of a server with kernels."""

    def hosted() -> Iterator[Measure]:
        status = host.status
        yield gauge("starting", "1 while no kernel can be started.", int(status.starting))
        yield gauge("draining", "1 while everybody is refused.", int(fleet.admission.is_draining))
        yield gauge("ready_kernels", "Kernels that are up and nobody has asked for.", ready.ready)
        yield counters(
            "messages_rejected",
            "Messages of kernels that were dropped as invalid.",
            "code",
            dict(status.rejected),
        )
        yield gauges("machine_up", "1 for machines that start kernels.", "machine", _up(host))
        yield gauges(
            "sandbox_level",
            "1 for the level at which kernels are confined.",
            "level",
            {status.sandbox: 1},
        )

    return [partial(fleet_measures, fleet), ready.times.measures, hosted]


def _up(host: HostService) -> dict[str, float]:
    """Whether each machine of a host starts kernels: 1 or 0."""
    if isinstance(host, ManyMachines):
        return {each.name: int(each.state == "up") for each in host.seen_machines()}
    return {LOCAL: int(not host.status.starting)}


@define(kw_only=True, eq=False)
class Observation:
    """What is served to those who observe, and the services that this needs.

    `beside` asks the other web processes of the same server.
    """

    config: Config
    reactor: Any
    web: WebServer
    readiness: Readiness
    latencies: Latencies
    sources: Sequence[Source] = ()
    beside: AskPeers = nobody
    public: list[Routes] = field(init=False)  # for the addresses that visitors use
    services: list[Service] = field(init=False)
    _lag: Histogram = field(factory=lambda: Histogram(LAG_SECONDS), init=False)

    def __attrs_post_init__(self) -> None:
        settings, health = self.config.metrics, Health(readiness=self.readiness)
        self.public, self.services = [health], []
        if settings.listen or settings.public or self.config.web_processes > 1:
            self.services.append(ReactorLag(clock=self.reactor, observe=self._lag.observe))
        if not settings.listen and not settings.public:
            return
        sources = [*self.sources, self._measures]
        if settings.public:
            self.public.append(_metrics_route(sources, self.beside))
        # A site of its own: who observes is answered where visitors are refused for want of descriptors.
        own = WebServer(reactor=self.reactor, limits=self.config.limits.requests, has_pages=False)
        for endpoint in settings.listen:
            metrics = _metrics_route(
                sources, self.beside, [host.lower() for host in settings.hosts]
            )
            site = own.site([health, metrics])
            self.services.append(own_service(endpoint, site, self.config, self.reactor))

    def measured(self) -> dict[str, Any]:
        """All measures, for the process that is asked for them."""
        return plain(measure for source in (*self.sources, self._measures) for measure in source())

    def _measures(self) -> Iterator[Measure]:
        yield Measure(
            name="build_info",
            kind=Kind.GAUGE,
            about="1, for the version.",
            labels=("version",),
            values={(__version__,): 1},
        )
        yield Measure(
            name="reactor_lag_seconds",
            kind=Kind.HISTOGRAM,
            about="How late the server does what it planned, measured twice a second.",
            values={(): self._lag},
        )
        yield histograms(
            "store_seconds",
            "Operations of the database or the permalink server, with all waiting.",
            "operation",
            self.latencies.taken,
        )
        yield counters(
            "store_failures",
            "Operations that failed as the store was not available, or full.",
            "operation",
            {name: self.latencies.failed[name] for name in self.latencies.taken},
        )
        yield counters(
            "http_answers",
            "Requests that were answered, by the class of the status.",
            "status",
            {f"{digit}xx": self.web.answered[f"{digit}xx"] for digit in range(1, 6)},
        )
        yield gauge(
            "unread_answer_bytes",
            "Bytes of answers that clients have not read.",
            self.web.answers.unread,
        )


def check_metrics(config: Config, reactor: Any) -> None:
    """Raises `ConfigError` if metrics cannot be served as the settings say."""
    for endpoint in config.metrics.listen:
        check_endpoint(endpoint, reactor, "metrics.listen")
    if config.metrics.listen or config.metrics.public:
        _metrics_route([])


def _metrics_route(
    sources: Sequence[Source],
    beside: AskPeers = nobody,
    hosts: Collection[str] | None = None,
) -> Routes:
    """The route ``/metrics``; for `hosts` see `Metrics`. Raises `ConfigError` if the library is not installed."""
    try:
        from sagecell_tx.http.admin.metrics import Metrics
    except ImportError as error:
        raise ConfigError(
            "metrics: the package prometheus_client is not installed: "
            "pip install 'sagecell-tx[metrics]'"
        ) from error
    return Metrics(sources=sources, beside=beside, hosts=hosts)
