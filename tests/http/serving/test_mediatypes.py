"""The media types of files, by their names."""

from __future__ import annotations

import pytest

from sagecell_tx.http.serving.mediatypes import content_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notes.txt", "text/plain; charset=utf-8"),
        ("page.html", "text/html; charset=utf-8"),
        ("script.js", "text/javascript; charset=utf-8"),
        ("plot.png", "image/png"),
        ("plot.svg", "image/svg+xml"),
        ("table.csv.gz", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("data:text/html,a", "application/octet-stream"),
        ("assets/plot.png", "image/png"),
    ],
)
def test_a_name_tells_the_type(name: str, expected: str):
    assert content_type(name) == expected
