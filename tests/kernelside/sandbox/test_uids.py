"""Accounts for kernels: none is used twice at a time, and none is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.sandbox.uids import Accounts, NoAccount


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
