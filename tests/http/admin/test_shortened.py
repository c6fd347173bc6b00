"""Addresses and ids as operators see them."""

from __future__ import annotations

import pytest

from sagecell_tx.http.admin.shortened import short_address, short_id


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("unix", "unix"),
        ("", ""),
        ("nonsense/24", "nonsense/24"),
    ],
)
def test_an_address(address: str, shown: str) -> None:
    assert short_address(address) == shown


def test_an_id() -> None:
    assert short_id("74ff2342-cee4-4652-bd63-ff2a321aae60") == "74ff2342…"
    assert short_id("74ff2342") == "74ff2342"
