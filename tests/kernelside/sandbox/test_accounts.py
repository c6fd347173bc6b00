"""Accounts for kernels: never two of one, and none is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.sandbox.accounts import Accounts, NoAccount


def test_an_account_rests_before_it_is_another_kernels():
    accounts = Accounts(1000, 3)
    first = accounts.take("a")
    accounts.give_back("a")
    assert [accounts.take(name) for name in "bc"] == [1001, 1002]
    assert accounts.take("d") == first


def test_when_all_are_in_use_there_is_none():
    accounts = Accounts(1000, 2)
    accounts.take("a")
    accounts.take("b")
    with pytest.raises(NoAccount):
        accounts.take("c")
    accounts.give_back("a")
    assert accounts.take("c") == 1000


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_any_order(steps):
    accounts = Accounts(500, 4)
    held: dict[str, int] = {}
    for taking, number in steps:
        name = str(number)
        if not taking:
            accounts.give_back(name)
            held.pop(name, None)
        elif name not in held:
            try:
                held[name] = accounts.take(name)
            except NoAccount:
                assert len(held) == 4
        assert len(set(held.values())) == len(held)
        assert all(500 <= account < 504 for account in held.values())
