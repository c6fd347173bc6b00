"""Each former limit has one current name, and each current limit is one of these or new."""

from __future__ import annotations

import attrs
import pytest

from sagecell_tx import renamed
from sagecell_tx.limits import Limits

#: The keys of the former flat table.
FORMER = [
    "kernels",
    "service_kernels",
    "kernels_per_address",
    "kernels_per_network",
    "kernels_per_site",
    "kernels_per_cell_session",
    "kernels_per_key",
    "ready_least",
    "ready_most",
    "starts",
    "starts_per_address",
    "starts_per_network",
    "starts_per_site",
    "starts_per_cell_session",
    "starts_per_key",
    "queue",
    "queue_wait",
    "start",
    "unclaimed",
    "idle",
    "detached",
    "resumable",
    "lifetime",
    "cpu",
    "warning",
    "stop_grace",
    "interrupt_grace",
    "heartbeat",
    "heartbeats_missed",
    "memory",
    "processes",
    "open_files",
    "directory",
    "code",
    "request_body",
    "client_message",
    "kernel_message",
    "outbox",
    "output",
    "ping",
    "stalled",
    "poll",
    "last_words",
    "last_words_size",
    "network",
    "network_connections",
    "network_connect",
    "network_idle",
    "connections_per_address",
    "sockjs",
    "sockjs_per_address",
    "sockjs_heartbeat",
    "sockjs_disconnect",
    "sockjs_idle",
    "sockjs_response",
    "completer",
    "service",
    "service_output",
    "file",
    "files",
    "files_count",
    "files_total",
    "file_retention",
    "stored_per_address",
    "stored_per_network",
    "stored_per_key",
    "permalinks_per_address",
    "permalinks_per_network",
    "permalinks_per_key",
    "disk_reserve",
]


def test_all_former_limits_are_known() -> None:
    assert set(renamed.LIMITS) == set(FORMER)


#: Limits that did not exist before there were tables.
NEW = {
    ("admission", "starting_kernels"),
    ("lifetime", "background_seconds"),
    ("lifetime", "drain_seconds"),
    ("messages", "listeners"),
    ("messages", "waiting_bytes"),
    ("files", "waiting_bytes"),
    ("files", "waiting_seconds"),
    ("requests", "run_permalinks_per_address"),
    ("requests", "run_permalinks_per_network"),
    ("requests", "run_permalinks_per_key"),
    ("requests", "run_permalink_bytes"),
    ("requests", "run_permalink_seconds"),
    ("requests", "unread_answer_bytes"),
    ("requests", "execute_files"),
    ("requests", "execute_file_bytes"),
    ("requests", "kept_answer_seconds"),
    ("requests", "kept_answer_bytes"),
}

#: Tables none of whose limits existed before.
NEW_TABLES = ("jupyter",)


def test_they_are_the_limits_of_today() -> None:
    today = [
        (table, key)
        for table, keys in attrs.asdict(Limits()).items()
        if table not in NEW_TABLES
        for key in keys
    ]
    assert sorted([*renamed.LIMITS.values(), *NEW]) == sorted(today)


@pytest.mark.parametrize("former", FORMER)
def test_a_number_below_limits_is_a_former_limit(former: str) -> None:
    assert renamed.is_former(former, 5)
    table, key = renamed.LIMITS[former]
    assert renamed.present(former) == f"limits.{table}.{key}"


@pytest.mark.parametrize("table", attrs.fields_dict(Limits))
def test_a_table_of_today_is_not(table: str) -> None:
    assert not renamed.is_former(table, {})


def test_a_rate_was_a_table_as_well() -> None:
    assert renamed.is_former("starts", {"burst": 5, "per_minute": 5})


def test_what_never_was_a_limit_is_not() -> None:
    assert not renamed.is_former("idel", 5)
