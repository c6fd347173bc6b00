"""A refusal says to programs and people what is wrong, and when to try again."""

from __future__ import annotations

from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.refusals import TOO_MANY_KERNELS, TOO_MANY_STARTS, Refused
from sagecell_tx.sessions.admission.visitors import Scope


def test_every_scope_has_its_word_and_sentence() -> None:
    assert TOO_MANY_STARTS.keys() == set(Scope)
    assert TOO_MANY_KERNELS.keys() == set(Scope) - {Scope.ALL}
    told = [*TOO_MANY_KERNELS.values(), *TOO_MANY_STARTS.values()]
    assert len({code for code, _ in told}) == len({text for _, text in told}) == len(told)


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
