"""Places are given up to the budgets and come back exactly once."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagecell_tx.config import Limits
from sagecell_tx.sessions.admission import Admission, Place, Refused

LIMITS = Limits(kernels=4, kernels_per_cell_session=2)


def refusal(admission: Admission, cell_session: str) -> Refused:
    with pytest.raises(Refused) as refused:
        admission.admit(cell_session)
    return refused.value


def test_no_more_kernels_than_the_limit():
    admission = Admission(LIMITS)
    places = [admission.admit("") for _ in range(4)]
    refused = refusal(admission, "")
    assert refused.code == "too_many_kernels"
    assert refused.retry_after > 0
    places[0].release()
    admission.admit("")


def test_no_more_kernels_of_one_page_than_its_limit():
    admission = Admission(LIMITS)
    first, _ = admission.admit("page"), admission.admit("page")
    assert refusal(admission, "page").code == "too_many_kernels_for_cell_session"
    admission.admit("other page")
    first.release()
    admission.admit("page")


def test_a_refusal_takes_no_place():
    admission = Admission(LIMITS)
    for _ in range(2):
        admission.admit("page")
    for _ in range(9):
        refusal(admission, "page")
    assert admission.taken == 2


def test_a_place_is_given_back_once():
    admission = Admission(LIMITS)
    first, _ = admission.admit("page"), admission.admit("page")
    first.release()
    first.release()
    assert admission.taken == 1
    admission.admit("page")
    refusal(admission, "page")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.integers(-1, 9))))
def test_any_order(steps: list[tuple[str, int]]):
    admission = Admission(LIMITS)
    held: list[tuple[str, Place]] = []
    for page, index in steps:
        if index >= 0 and index < len(held):
            _, place = held.pop(index)
            place.release()
            continue
        room = len(held) < 4 and (not page or [other for other, _ in held].count(page) < 2)
        try:
            held.append((page, admission.admit(page)))
        except Refused:
            assert not room
        else:
            assert room
        assert admission.taken == len(held)
    for _, place in held:
        place.release()
    assert admission == Admission(LIMITS)
