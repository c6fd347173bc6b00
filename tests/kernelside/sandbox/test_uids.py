"""Accounts for kernels: none is used twice at a time, and none is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.sandbox.uids import Accounts, NoAccount, has_all, missing


def test_an_account_rests_before_it_is_another_kernels():
    accounts = Accounts(1000, 3)
    first = accounts.take(1)
    assert accounts.of(1) == first
    accounts.give_back(1)
    assert [accounts.take(number) for number in (2, 3)] == [1001, 1002]
    assert accounts.take(4) == first


def test_when_all_are_in_use_there_is_none():
    accounts = Accounts(1000, 2)
    accounts.take(1)
    accounts.take(2)
    with pytest.raises(NoAccount):
        accounts.take(3)
    accounts.give_back(1)
    assert accounts.take(3) == 1000


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_any_order(steps):
    accounts = Accounts(500, 4)
    held: dict[int, int] = {}
    for taking, number in steps:
        if not taking:
            accounts.give_back(number)
            held.pop(number, None)
        elif number not in held:
            try:
                held[number] = accounts.take(number)
            except NoAccount:
                assert len(held) == 4
        assert len(set(held.values())) == len(held)
        assert all(500 <= account < 504 for account in held.values())


@pytest.mark.parametrize(
    ("id_map", "first", "count", "has"),
    [
        ("         0          0 4294967295\n", 2_000_000_000, 10_000, True),
        ("0 100000 65536\n", 2_000_000_000, 10_000, False),
        ("0 100000 65536\n", 10_000, 10_000, True),
        ("0 100000 65536\n", 65_536 - 10, 10, True),
        ("0 100000 65536\n", 65_536 - 10, 11, False),
        ("1 100000 65536\n0 1000 1\n", 0, 65_537, True),
        ("0 1000 1\n2 100000 65536\n", 0, 10, False),
        ("", 0, 1, False),
        ("", 7, 0, True),
    ],
)
def test_ids_of_a_container(id_map, first, count, has):
    assert has_all(id_map, first, count) == has


@given(st.sets(st.integers(0, 30)), st.integers(0, 30), st.integers(0, 10))
def test_a_map_has_what_each_of_its_lines_has(ids, first, count):
    id_map = "".join(
        f"{number:>10} {number + 1000:>10} {1:>10}\n" for number in sorted(ids, reverse=True)
    )
    assert has_all(id_map, first, count) == (set(range(first, first + count)) <= ids)


def test_accounts_that_there_cannot_be_are_told():
    assert missing(4_294_967_290, 10) == (
        "The user ids 4294967290 to 4294967299 do not exist here, as in a container without root: "
        "set accounts to some that do, such as [10_000, 10_000]."
    )
