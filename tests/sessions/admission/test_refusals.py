"""A refusal says to programs and people what is wrong, and when to try again."""

from __future__ import annotations

from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.refusals import (
    CODES,
    TOO_MANY_KERNELS,
    TOO_MANY_STARTS,
    Refused,
)
from sagecell_tx.sessions.admission.visitors import Scope


def test_every_scope_has_its_word_and_sentence() -> None:
    assert TOO_MANY_STARTS.keys() == set(Scope)
    assert TOO_MANY_KERNELS.keys() == set(Scope) - {Scope.ALL}
    told = [*TOO_MANY_KERNELS.values(), *TOO_MANY_STARTS.values()]
    assert len({code for code, _ in told}) == len({text for _, text in told}) == len(told)


def test_all_codes_are_known() -> None:
    single = (refusals.draining, refusals.loading, refusals.too_many_descriptors)
    of_queues = (refusals.full, refusals.too_many_waiting)
    scopes = (refusals.too_many_kernels_for(scope) for scope in TOO_MANY_KERNELS)
    rates = (refusals.too_many_starts_for(scope, 1) for scope in TOO_MANY_STARTS)
    refused = [*scopes, *rates, *(make() for make in single), *(make(1) for make in of_queues)]
    assert sorted(each.code for each in refused) == sorted(CODES)


def test_the_word_that_pages_wait_for() -> None:
    """Contract 1.8."""
    refused = refusals.too_many_kernels_for(Scope.CELL_SESSION)
    assert refused.code == "too_many_kernels_for_cell_session"


def test_nobody_is_told_to_come_back_too_soon() -> None:
    for wait, told in ((0.01, 1), (1, 1), (1.01, 2), (59.5, 60)):
        assert refusals.too_many_starts_for(Scope.SITE, wait).retry_after == told
    assert "in 1 second." in refusals.too_many_starts_for(Scope.SITE, 0.5).message
    assert "in 7 seconds." in refusals.too_many_starts_for(Scope.SITE, 6.5).message


def test_what_is_known_of_the_queue_is_told() -> None:
    for refused in (refusals.full, refusals.too_many_waiting):
        assert refused(17).retry_after == 17
        assert refused(None).retry_after > 0
    assert isinstance(refusals.draining(), Refused)
