"""See tests/http/execute/test_languages.py, which compares them with the server's."""

from __future__ import annotations

import pytest

from sagecell_tx.remote.languages import language_of


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.sage", "sage"),
        ("a/b.PY", "python"),
        ("plot.R", "r"),
        ("a.txt", ""),
        ("py", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_file(name: str, language: str) -> None:
    assert language_of(name) == language
