"""A budget that is spent refuses, and a refusal costs nothing."""

from __future__ import annotations

from typing import Any

import pytest

from sagecell_tx.limits import AdmissionLimits, Rate
from sagecell_tx.sessions.admission.budgets import Budgets
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Scope, Visitor

#: A limit for each scope but ALL, and visitors who have only that in common.
SCOPES = {
    "address": [Visitor(address="192.0.2.1"), Visitor(address="192.0.2.1", site="a.example")],
    "network": [Visitor(address="192.0.2.1"), Visitor(address="192.0.2.2")],
    "site": [
        Visitor(address="192.0.2.1", site="a.example"),
        Visitor(address="198.51.100.1", site="a.example"),
    ],
    "cell_session": [Visitor(cell_session="page"), Visitor(cell_session="page", key="school")],
    "key": [Visitor(key="school"), Visitor(key="school", address="192.0.2.1")],
}

ANOTHER = Visitor(address="203.0.113.9", site="b.example")

ROOMY = {f"starts_per_{scope}": Rate(burst=0, per_minute=0) for scope in SCOPES}
ROOMY["starts"] = Rate(burst=0, per_minute=0)


def reserve(budgets: Budgets, who: Visitor, now: float) -> None:
    budgets.check(who, now)
    budgets.take(who, now)


def refusal(budgets: Budgets, who: Visitor, now: float = 0) -> Refused:
    with pytest.raises(Refused) as refused:
        budgets.check(who, now)
    return refused.value


@pytest.mark.parametrize("scope", SCOPES)
def test_so_many_at_a_time(scope: str) -> None:
    first, second = SCOPES[scope]
    limits: dict[str, Any] = {f"kernels_per_{each}": 0 for each in SCOPES}
    budgets = Budgets(AdmissionLimits(**{**ROOMY, **limits, f"kernels_per_{scope}": 2}))
    for who in (first, second):
        reserve(budgets, who, 0)
    assert refusal(budgets, second).code == f"too_many_kernels_for_{scope}"
    reserve(budgets, ANOTHER, 0)
    budgets.give_back(first)
    reserve(budgets, second, 0)


@pytest.mark.parametrize("scope", SCOPES)
def test_who_leaves_counts_for_all_but_its_page(scope: str) -> None:
    first, second = SCOPES[scope]
    limits: dict[str, Any] = {f"kernels_per_{each}": 0 for each in SCOPES}
    budgets = Budgets(AdmissionLimits(**{**ROOMY, **limits, f"kernels_per_{scope}": 1}))
    reserve(budgets, first, 0)
    budgets.leave(first)
    if scope != "cell_session":
        assert refusal(budgets, second).code == f"too_many_kernels_for_{scope}"
    budgets.gone(first)
    assert budgets.is_whole
    reserve(budgets, second, 0)


@pytest.mark.parametrize("scope", SCOPES)
def test_so_many_in_a_minute(scope: str) -> None:
    first, second = SCOPES[scope]
    starts: dict[str, Any] = {f"starts_per_{scope}": Rate(burst=2, per_minute=6)}
    budgets = Budgets(AdmissionLimits(**{**ROOMY, **starts}))
    for who in (first, second):
        reserve(budgets, who, 0)
        # The end of a kernel returns no token.
        budgets.give_back(who)
    refused = refusal(budgets, second, now=2.5)
    assert (refused.code, refused.retry_after) == (f"too_many_starts_for_{scope}", 8)
    reserve(budgets, ANOTHER, 2.5)
    reserve(budgets, first, 2.5 + refused.retry_after)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_kernel_that_is_started_again_counts_as_a_start_and_not_as_another_kernel(scope: str):
    who, _ = SCOPES[scope]
    rates = {**ROOMY, f"starts_per_{scope}": Rate(burst=3, per_minute=60)}
    limits: dict[str, Any] = {f"kernels_per_{each}": 1 for each in SCOPES}
    budgets = Budgets(AdmissionLimits(**{**rates, **limits}))
    reserve(budgets, who, 0)
    budgets.start_again(who, 0)
    budgets.start_again(who, 0)
    with pytest.raises(Refused) as refused:
        budgets.start_again(who, 0)
    assert refused.value.code == f"too_many_starts_for_{scope}"
    budgets.start_again(who, 1)
    budgets.give_back(who)
    assert budgets.is_whole


def test_so_many_in_all() -> None:
    budgets = Budgets(AdmissionLimits(starts=Rate(burst=2, per_minute=60)))
    for number in (1, 2):
        reserve(budgets, Visitor(address=f"192.0.{number}.1", key="k" * number), 0)
    for who in (Visitor(address="198.51.100.1"), Visitor()):
        assert refusal(budgets, who).code == "too_many_starts"


def test_the_longest_wait_is_told() -> None:
    budgets = Budgets(
        AdmissionLimits(
            starts=Rate(burst=1, per_minute=60),
            starts_per_address=Rate(burst=1, per_minute=2),
            starts_per_site=Rate(burst=1, per_minute=6),
        )
    )
    who = Visitor(address="192.0.2.1", site="a.example")
    reserve(budgets, who, 0)
    refused = refusal(budgets, who)
    assert (refused.code, refused.retry_after) == ("too_many_starts_for_address", 30)
    reserve(budgets, who, 30)


def test_a_refusal_takes_nothing() -> None:
    budgets = Budgets(
        AdmissionLimits(kernels_per_cell_session=1, starts_per_address=Rate(burst=2, per_minute=1))
    )
    who = Visitor(address="192.0.2.1", cell_session="page")
    reserve(budgets, who, 0)
    for _ in range(9):
        assert refusal(budgets, who).code == "too_many_kernels_for_cell_session"
    reserve(budgets, Visitor(address="192.0.2.1"), 0)
    assert budgets.by_scope[Scope.ADDRESS].taken == {"192.0.2.1": 2}


def test_what_was_given_back_leaves_no_trace() -> None:
    budgets = Budgets(AdmissionLimits())
    who = Visitor(address="192.0.2.1", site="a.example", cell_session="page")
    reserve(budgets, who, 0)
    assert [budgets.is_whole] == [False]
    budgets.give_back(who)
    assert [budgets.is_whole] == [True]
    assert all(not budget.taken for budget in budgets.by_scope.values())


def test_a_class_behind_one_address_passes() -> None:
    """Sixty cells of thirty children in the same second, and again ten seconds later."""
    budgets = Budgets(AdmissionLimits())
    for lesson in (0, 10):
        children = [
            Visitor(address="192.0.2.1", site="school.example", cell_session=str(child))
            for child in range(30)
        ]
        for visitor in children * 2:
            reserve(budgets, visitor, lesson)
        for visitor in children * 2:
            budgets.give_back(visitor)
