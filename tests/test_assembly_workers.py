"""What a keeper tells its workers is what they are built from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagecell_tx.assembly.workers.starting import Start, worker_config
from sagecell_tx.assembly.workers.worker import KeeperNotifier
from sagecell_tx.config import AdminSettings, Config, ConfigError, MetricsSettings
from sagecell_tx.limits import RequestLimits

WHOLE = Config(
    state_dir=Path("/var/lib/cells"),
    node=2,
    web_processes=2,
    keys={"school": "a-key"},
    metrics=MetricsSettings(listen=("tcp:9000",), public=True),
    admin=AdminSettings(listen=("tcp:9001",), token_file="/etc/token"),
)


def test_a_worker_has_a_number_and_a_part_of_the_limits() -> None:
    first, second = (worker_config(WHOLE, node) for node in (201, 202))
    assert (first.node, second.node) == (201, 202)
    whole = RequestLimits().connections_per_address
    assert first.limits.requests.connections_per_address == whole // 2
    assert first.limits.admission.kernels == WHOLE.limits.admission.kernels
    assert first.nodes.peers == [202]


def test_only_the_first_has_the_addresses_for_operators() -> None:
    first, second = (worker_config(WHOLE, node) for node in (201, 202))
    assert (first.metrics, first.admin) == (WHOLE.metrics, WHOLE.admin)
    assert (second.metrics.listen, second.metrics.public) == ((), True)
    assert second.admin.listen == ()


def test_what_is_told_is_read() -> None:
    for node, follows in ((201, False), (202, True)):
        start = Start(
            config=worker_config(WHOLE, node),
            families=(2, 10, 1),
            follows=follows,
            built=5.25,
            keeper_config=WHOLE,
        )
        assert Start.parse(start.dump()) == start


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"[]", b'{"settings":{},"node":"x"}'])
def test_nobody_else_can_start_one(data: bytes) -> None:
    with pytest.raises(ConfigError, match="is started by its keeper alone"):
        Start.parse(data)


def test_the_keeper_hears_what_systemd_would() -> None:
    told: list[str] = []
    notifier = KeeperNotifier(tell=told.append)
    notifier.ready()
    notifier.status("draining: no new sessions")
    notifier.stopping()
    assert told == ["up", "draining", "stopping"]
