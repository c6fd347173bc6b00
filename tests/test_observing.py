"""What a server that is built from its settings serves to those who observe it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.assembly.build import build
from sagecell_tx.config import Config, ConfigError, LogSettings, MetricsSettings
from sagecell_tx.process.lag import INTERVAL, ReactorLag
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import PermalinkServer, Server
from tests.http.admin.test_metrics import series
from tests.http.loopback import Answer, connected, request


class Reactor(MemoryReactorClock):
    """A reactor in memory with a thread pool that is never started."""

    def getThreadPool(self) -> ThreadPool:  # noqa: N802
        return ThreadPool()


class ObservingTests(SynchronousTestCase):
    def build(self, *listen: str, **settings: Any) -> PermalinkServer:
        self.reactor = Reactor()
        public, hosts = settings.pop("public", False), settings.pop("hosts", ())
        config = Config(
            listen=("tcp:1",),
            state_dir=Path(self.mktemp()),
            metrics=MetricsSettings(listen=listen, public=public, hosts=hosts),
            **settings,
        )
        server = build(config, self.reactor, Notifier())
        if isinstance(server, Server):
            self.addCleanup(server.host.zmq.shutdown)  # type: ignore[attr-defined]
        for service in server.listening:
            service.privilegedStartService()
        return server

    def ask(self, path: str, port: int, host: str = "localhost") -> Answer:
        (site,) = [site for number, site, *_ in self.reactor.tcpServers if number == port]
        connection = connected(site, self.reactor)
        connection.send(request("GET", path, [("Host", host)]))
        answer = connection.answer()
        connection.hang_up()
        return answer

    def test_by_default_there_are_no_metrics(self) -> None:
        server = self.build()
        assert [port for port, *_ in self.reactor.tcpServers] == [1]
        assert self.ask("/metrics", 1).status == 404
        assert self.ask("/healthz", 1).status == 200
        assert self.ask("/readyz", 1).error == "starting"
        assert not any(isinstance(service, ReactorLag) for service in server.listening)

    def test_a_port_of_their_own(self) -> None:
        self.build("tcp:2:interface=127.0.0.1", baseurl="/cells")
        assert self.ask("/cells/metrics", 1).status == 404
        assert self.ask("/cells/healthz", 1).status == 200
        found = series(self.ask("/metrics", 2).body.decode("utf-8"))
        assert found["sagecell_starting", frozenset()] == 1
        assert self.ask("/healthz", 2).status == 200
        assert self.ask("/readyz", 2).error == "starting"
        assert self.ask("/", 2).status == 404
        assert self.ask("/status.json", 2).status == 404

    def test_at_the_addresses_of_visitors_if_that_is_wanted(self) -> None:
        self.build(public=True)
        assert self.ask("/metrics", 1, "cells.example").status == 200

    def test_a_strangers_name_that_leads_here(self) -> None:
        self.build("tcp:2", hosts=("Prom.example",))
        for host in ("evil.example", "evil.example:2", "prom.example.evil.example", ""):
            answer = self.ask("/metrics", 2, host)
            assert (answer.status, answer.error) == (421, "unknown_host"), host
            assert b"sagecell_" not in answer.body
        for host in ("prom.example:2", "127.0.0.1:2", "[::1]:2", "192.0.2.1", "localhost:2"):
            assert self.ask("/metrics", 2, host).status == 200, host
        assert self.ask("/healthz", 2, "evil.example").status == 200  # a balancer's, and no secret

    def test_a_server_of_permalinks(self) -> None:
        self.build("tcp:2", permalinks_only=True)
        names = {name for name, _ in series(self.ask("/metrics", 2).body.decode("utf-8"))}
        assert "sagecell_store_seconds_count" in names
        assert "sagecell_sessions" not in names
        for port in (1, 2):
            assert self.ask("/healthz", port).status == 200

    def test_the_lag_is_measured(self) -> None:
        server = self.build("tcp:2")
        (lag,) = [each for each in server.listening if isinstance(each, ReactorLag)]
        lag.startService()
        self.reactor.advance(INTERVAL + 0.03)
        found = series(self.ask("/metrics", 2).body.decode("utf-8"))
        name = "sagecell_reactor_lag_seconds_bucket"
        assert found[name, frozenset({("le", "0.02")})] == 0
        assert found[name, frozenset({("le", "0.05")})] == 1
        lag.stopService()

    def refused(self, *listen: str, **settings: Any) -> str:
        with pytest.raises(ConfigError) as error:
            self.build(*listen, **settings)
        return str(error.value)

    def test_settings_that_make_no_sense(self) -> None:
        sentence = self.refused("nonsense")
        assert sentence.startswith("metrics.listen: nonsense: not an endpoint")
        for settings, words in (
            (LogSettings(format="xml"), "logs.format: expected text or json, not 'xml'"),
            (LogSettings(addresses="no"), "logs.addresses: expected truncated or whole, not 'no'"),
            (LogSettings(sample=1.5), "logs.sample: expected a number from 0 to 1, not 1.5"),
        ):
            assert self.refused(logs=settings) == words

    def test_a_library_that_is_not_installed(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "prometheus_client.core", None)
            patch.delitem(sys.modules, "sagecell_tx.http.admin.metrics")
            assert "pip install 'sagecell-tx[metrics]'" in self.refused("tcp:2")
            self.build()
