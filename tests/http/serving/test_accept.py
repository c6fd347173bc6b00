"""Accept headers, well-formed or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.serving.accept import LONGEST, accepted
from tests.http.asking import asking


def said(header: bytes) -> list[str]:
    return accepted(asking(headers={"Accept": header}).request)


@pytest.mark.parametrize(
    ("header", "types"),
    [
        (b"", []),
        (b"*/*", ["*/*"]),
        (b"text/html", ["text/html"]),
        (b" Text/HTML ; charset=utf-8 , */*", ["text/html", "*/*"]),
        (b"a/a;q=0", []),
        (b"a/a; q=0.000, b/b", ["b/b"]),
        (b"a/a;q=0.001", ["a/a"]),
        (b"a/a, b/b", ["a/a", "b/b"]),
        (b"a/a;q=0.5, b/b;q=0.9, */*;q=0.1, c/c", ["c/c", "b/b", "a/a", "*/*"]),
        (b'a/a;note="x, b/b", c/c', ["a/a", "c/c"]),
        (b"a/a;q=much, b/b", ["b/b"]),
    ],
)
def test_types_that_are_accepted_by_preference(header, types):
    assert said(header) == types


def test_without_the_header_nothing_is_named():
    assert accepted(asking().request) == []


def test_a_header_that_nobody_sends_is_not_parsed():
    longest = b"a/a" + b" " * (LONGEST - 3)
    assert said(longest) == ["a/a"]
    assert said(longest + b" ") == []


@given(
    st.binary(max_size=200)
    | st.text(',;="*\\/ \tq01.é', max_size=200).map(lambda s: s.encode("latin-1"))
)
def test_any_bytes_name_types_or_nothing(header):
    for kind in said(header):
        assert kind == kind.lower()
        assert ";" not in kind
