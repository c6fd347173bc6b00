"""Inspection of Sage's objects: their documentation as plain text."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sage


def explanation(cell, code):
    reply = cell.ask("sagecell.inspect_request", code=code, cursor_pos=len(code), detail_level=0)
    assert reply["status"] == "ok", reply
    return reply["data"].get("text/plain", "")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("factor", "Return the factorization of"),
        ("n = 5\nn.is_prime", "Test whether"),
        ("gap", "Interface to the GAP interpreter"),
        ("graphs.PetersenGraph", "Petersen Graph"),
    ],
)
def test_what_is_explained(cell, code, text):
    assert text in explanation(cell, code)
