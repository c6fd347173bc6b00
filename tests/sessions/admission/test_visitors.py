"""Visitors are counted by what is known of them; a key replaces their address and site."""

from __future__ import annotations

import pytest

from sagecell_tx.sessions.admission.visitors import Scope, Visitor


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_the_network_around_an_address(address: str, network: str) -> None:
    assert Visitor(address=address).network == network


def test_what_is_known_is_counted() -> None:
    assert Visitor().names == {Scope.ALL: ""}
    known = Visitor(address="192.0.2.7", site="book.example", cell_session="page")
    assert known.names == {
        Scope.ADDRESS: "192.0.2.7",
        Scope.NETWORK: "192.0.2.0/24",
        Scope.SITE: "book.example",
        Scope.CELL_SESSION: "page",
        Scope.ALL: "",
    }


def test_a_key_stands_in_for_address_network_and_site() -> None:
    known = Visitor(address="192.0.2.7", site="book.example", cell_session="page", key="school")
    assert known.names == {Scope.KEY: "school", Scope.CELL_SESSION: "page", Scope.ALL: ""}
    assert known.origins == {Scope.KEY: "school"}
