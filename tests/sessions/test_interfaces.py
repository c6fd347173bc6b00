"""What the values between sessions and hosts look like in the log."""

from __future__ import annotations

import pytest

from sagecell_tx.sessions.interfaces import Exit


@pytest.mark.parametrize(
    ("how", "logged"),
    [
        (Exit(status=3), "with status 3"),
        (Exit(signal=9, reason="memory"), "by SIGKILL (memory)"),
        (Exit(signal=2**40), "by signal 1099511627776"),
        (Exit(reason="lost"), "unobserved (lost)"),
    ],
)
def test_an_exit_is_words_in_the_log(how: Exit, logged: str) -> None:
    assert str(how) == logged
