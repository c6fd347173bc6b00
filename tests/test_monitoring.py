"""deploy/alerts.yml and deploy/grafana-dashboard.json: what they name exists, and Prometheus understands it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from twisted.internet.testing import MemoryReactorClock
from twisted.python.threadpool import ThreadPool

from sagecell_tx.assembly.build import build
from sagecell_tx.config import Config, MetricsSettings
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import Server
from tests.http.admin.test_metrics import series
from tests.http.loopback import connected, request
from tests.test_docs import blocks, doctree, literals

ROOT = Path(__file__).parent.parent
ALERTS = ROOT / "deploy" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
OPERATIONS = ROOT / "docs" / "operations.rst"

#: Where `make promtool` puts it.
PROMTOOL = ROOT / "build" / "promtool" / "usr" / "bin" / "promtool"

Labels = frozenset[tuple[str, str]]


class Reactor(MemoryReactorClock):
    """A reactor in memory with a thread pool that is never started."""

    def getThreadPool(self) -> ThreadPool:  # noqa: N802
        return ThreadPool()


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Mapping[str, str]]]:
    """The labels of all series that a server has, by their names."""
    reactor = Reactor()
    config = Config(
        state_dir=tmp_path_factory.mktemp("state"), metrics=MetricsSettings(listen=("tcp:2",))
    )
    server = build(config, reactor, Notifier())
    assert isinstance(server, Server)
    server.host.rejected["invalid_signature"] += 1  # type: ignore[attr-defined]
    server.listening[-1].privilegedStartService()
    ((_, site, *_),) = reactor.tcpServers
    connection = connected(site, reactor)
    connection.send(request("GET", "/metrics", [("Host", "localhost")]))
    text = connection.answer().body.decode("utf-8")
    server.host.zmq.shutdown()  # type: ignore[attr-defined]
    found: dict[str, list[Mapping[str, str]]] = {}
    for name, labels in series(text):
        found.setdefault(name, []).append(dict(labels))
    return found


def rules() -> list[dict[str, Any]]:
    """The alerts."""
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard."""
    return list(json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"])


def expressions() -> Iterator[str]:
    """All expressions of both files."""
    for rule in rules():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The metrics in an expression, each with the values of the labels that it has to have."""
    for name, braces in re.findall(r"\b((?:sagecell|process)_\w+)(?:\{([^}]*)\})?", expression):
        yield name, dict(re.findall(r"(\w+)=\"([^\"]*)\"", braces))


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_metric_exists(
    expression: str, scrape: Mapping[str, list[Mapping[str, str]]]
) -> None:
    found = list(selectors(expression))
    assert found or expression == 'up{job="sagecell"} == 0'
    for name, labels in found:
        assert name in scrape
        wanted = {key: value for key, value in labels.items() if key not in ("job", "instance")}
        if wanted == {"level": "none"}:  # one level at a time
            wanted = {}
        assert [each for each in scrape[name] if wanted.items() <= each.items()]


def test_labels_in_groups_exist(scrape: Mapping[str, list[Mapping[str, str]]]) -> None:
    known = {label for each in scrape.values() for labels in each for label in labels}
    known |= {"instance", "job"}
    for expression in expressions():
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            assert set(re.split(r", *", group)) <= known


def test_no_series_has_a_name_of_a_visitor(scrape: Mapping[str, list[Mapping[str, str]]]) -> None:
    labels = {label for each in scrape.values() for labels in each for label in labels}
    assert labels == {
        "channel",
        "code",
        "direction",
        "le",
        "level",
        "machine",
        "operation",
        "purpose",
        "reader",
        "reason",
        "source",
        "state",
        "status",
        "version",
    }
    assert sum(map(len, scrape.values())) < 250


def test_every_alert_is_told_of() -> None:
    """The manual says what to do for each, and names no other."""
    named = {word for word in literals(OPERATIONS) if re.fullmatch(r"Sagecell[A-Z]\w+", word)}
    assert named == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"].endswith(".")


def test_every_metric_that_the_manual_names_exists(
    scrape: Mapping[str, list[Mapping[str, str]]],
) -> None:
    assert doctree(OPERATIONS).children
    words = [*literals(OPERATIONS), *blocks(OPERATIONS)]
    named = {name for word in words for name in re.findall(r"\bsagecell_\w+|\bprocess_\w+", word)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in scrape}
    assert len(named) > 10
    assert named - families - scrape.keys() - {"sagecell_tx"} == set()


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in panels()]
    assert len({panel["id"] for panel in panels()}) == len(places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above
    assert max(place["x"] + place["w"] for place in places) == 24


# --- by Prometheus itself


def promtool(*words: str | Path) -> str:
    """What promtool prints; fails if it finds a fault."""
    program = shutil.which("promtool") or (str(PROMTOOL) if PROMTOOL.exists() else None)
    if program is None:
        pytest.skip("promtool is not installed: make promtool")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.integration
def test_prometheus_accepts_the_alerts() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", ALERTS)


@pytest.mark.integration
def test_prometheus_understands_the_dashboard(tmp_path: Path) -> None:
    recorded = []
    for number, expression in enumerate(expressions()):
        plain = expression.replace("$__rate_interval", "5m")
        recorded.append({"record": f"panel:{number}", "expr": plain})
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    assert f"{len(recorded)} rules found" in promtool("check", "rules", path)


#: For each alert, series that raise it and series of a server that is well, in the notation of promtool.
EXAMPLES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "SagecellDown": ({'up{job="sagecell"}': "0x60"}, {'up{job="sagecell"}': "1x60"}),
    "SagecellLoading": ({"sagecell_starting": "1x60"}, {"sagecell_starting": "1x3 0x60"}),
    "SagecellMachineAway": (
        {'sagecell_machine_up{machine="tall"}': "0x60"},
        {
            'sagecell_machine_up{machine="tall"}': "1x60",
            'sagecell_machine_up{machine="local"}': "0x60",
        },
    ),
    "SagecellRestarts": (
        {'process_start_time_seconds{job="sagecell"}': "1x9 2x9 3x9 4x60"},
        {'process_start_time_seconds{job="sagecell"}': "1x9 2x60"},
    ),
    "SagecellKernelsCrash": (
        {
            'sagecell_session_ends_total{reason="crashed"}': "0+2x60",
            'sagecell_session_ends_total{reason="finished"}': "0+2x60",
        },
        {
            'sagecell_session_ends_total{reason="crashed"}': "0+2x60",
            'sagecell_session_ends_total{reason="finished"}': "0+90x60",
        },
    ),
    "SagecellStartsFail": (
        {'sagecell_kernel_starts_failed_total{source="forked"}': "0+1x60"},
        {'sagecell_kernel_starts_failed_total{source="forked"}': "2x60"},
    ),
    "SagecellStartsSlow": (
        {
            'sagecell_kernel_start_seconds_bucket{le="2.5"}': "0x60",
            'sagecell_kernel_start_seconds_bucket{le="5.0"}': "0+9x60",
            'sagecell_kernel_start_seconds_bucket{le="+Inf"}': "0+9x60",
        },
        {
            'sagecell_kernel_start_seconds_bucket{le="0.1"}': "0+9x60",
            'sagecell_kernel_start_seconds_bucket{le="+Inf"}': "0+9x60",
        },
    ),
    "SagecellFull": (
        {'sagecell_queue_length{purpose="kernel"}': "3x60"},
        {'sagecell_queue_length{purpose="kernel"}': "3x3 0x60"},
    ),
    "SagecellRefuses": (
        {'sagecell_refusals_total{code="too_many_kernels"}': "0+1x60"},
        {'sagecell_refusals_total{code="too_many_starts_for_address"}': "0+1x60"},
    ),
    "SagecellLags": (
        {
            'sagecell_reactor_lag_seconds_bucket{le="0.25"}': "0+100x60",
            'sagecell_reactor_lag_seconds_bucket{le="0.5"}': "0+120x60",
            'sagecell_reactor_lag_seconds_bucket{le="+Inf"}': "0+120x60",
        },
        {
            'sagecell_reactor_lag_seconds_bucket{le="0.01"}': "0+120x60",
            'sagecell_reactor_lag_seconds_bucket{le="+Inf"}': "0+120x60",
        },
    ),
    "SagecellStoreFails": (
        {'sagecell_store_failures_total{operation="write"}': "0x50 1x20"},
        {'sagecell_store_failures_total{operation="write"}': "1x60"},
    ),
    "SagecellStoreSlow": (
        {
            'sagecell_store_seconds_bucket{operation="write",le="0.5"}': "0x60",
            'sagecell_store_seconds_bucket{operation="write",le="1.0"}': "0+9x60",
            'sagecell_store_seconds_bucket{operation="write",le="+Inf"}': "0+9x60",
        },
        {
            'sagecell_store_seconds_bucket{operation="write",le="0.01"}': "0+9x60",
            'sagecell_store_seconds_bucket{operation="write",le="+Inf"}': "0+9x60",
        },
    ),
    "SagecellDescriptors": (
        {
            'process_open_fds{job="sagecell"}': "800x60",
            'process_max_fds{job="sagecell"}': "1000x60",
        },
        {
            'process_open_fds{job="sagecell"}': "100x60",
            'process_max_fds{job="sagecell"}': "1000x60",
        },
    ),
    "SagecellMemory": (
        {'process_resident_memory_bytes{job="sagecell"}': "3000000000x60"},
        {'process_resident_memory_bytes{job="sagecell"}': "300000000x60"},
    ),
    "SagecellErrors": (
        {
            'sagecell_http_answers_total{status="2xx"}': "0+90x60",
            'sagecell_http_answers_total{status="5xx"}': "0+30x60",
        },
        {
            'sagecell_http_answers_total{status="2xx"}': "0+9000x60",
            'sagecell_http_answers_total{status="5xx"}': "0+30x60",
        },
    ),
    "SagecellTampering": (
        {
            'sagecell_messages_rejected_total{code="invalid_signature"}': "0+5x60",
            'sagecell_session_ends_total{reason="protocol"}': "0+1x60",
        },
        {
            'sagecell_messages_rejected_total{code="invalid_signature"}': "1x60",
            'sagecell_session_ends_total{reason="protocol"}': "0x60",
        },
    ),
    "SagecellUnconfined": (
        {'sagecell_sandbox_level{level="none"}': "1x60"},
        {'sagecell_sandbox_level{level="namespaces"}': "1x60"},
    ),
}


def test_every_alert_has_an_example() -> None:
    assert EXAMPLES.keys() == {rule["alert"] for rule in rules()}


@pytest.mark.integration
def test_alerts_are_raised_when_they_should_be(tmp_path: Path) -> None:
    """`promtool test rules` computes them after 50 minutes, with a sample each minute."""
    checks = []
    for name, examples in EXAMPLES.items():
        for expected, values in zip((True, False), examples, strict=True):
            expression = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
            checks.append(
                {
                    "interval": "1m",
                    "input_series": [
                        {"series": series, "values": numbers} for series, numbers in values.items()
                    ],
                    "promql_expr_test": [
                        {
                            "expr": expression,
                            "eval_time": "52m",
                            "exp_samples": [{"labels": "{}", "value": int(expected)}],
                        }
                    ],
                }
            )
    path = tmp_path / "tests.yml"
    path.write_text(json.dumps({"rule_files": [str(ALERTS)], "tests": checks}))
    assert "SUCCESS" in promtool("test", "rules", path)
