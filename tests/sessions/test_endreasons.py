"""The codes and sentences for why a life ended."""

import re
import signal

import pytest

from sagecell_tx.sessions.endreasons import Reason, reason_for
from sagecell_tx.sessions.interfaces import Exit


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_of_its_own(reason: Reason):
    assert reason.sentence.endswith(".")
    assert [other for other in Reason if other.sentence == reason.sentence] == [reason]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (Exit(status=0), Reason.FINISHED),
        (Exit(status=1), Reason.CRASHED),
        (Exit(signal=signal.SIGXCPU), Reason.CPU),
        (Exit(signal=signal.SIGKILL), Reason.CRASHED),
        (Exit(signal=signal.SIGSEGV), Reason.CRASHED),
        (Exit(), Reason.CRASHED),
        (Exit(signal=signal.SIGKILL, reason="memory"), Reason.MEMORY),
        (Exit(signal=signal.SIGKILL, reason="processes"), Reason.PROCESSES),
        (Exit(signal=signal.SIGKILL, reason="cpu"), Reason.CPU),
        (Exit(status=0, reason="disk"), Reason.DISK),
        (Exit(signal=signal.SIGKILL, reason="protocol"), Reason.PROTOCOL),
        # Codes that a host may not give.
        (Exit(signal=signal.SIGKILL, reason="draining"), Reason.CRASHED),
        (Exit(status=0, reason="a word from elsewhere"), Reason.FINISHED),
    ],
)
def test_how_a_process_ended_says_why(how: Exit, reason: Reason):
    assert reason_for(how) is reason


@pytest.mark.parametrize("reason", [Reason.IDLE, Reason.LIFETIME])
@pytest.mark.parametrize(
    ("seconds", "told"), [(60.0, "60 seconds"), (1.0, "1 second"), (0.5, "0.5 seconds")]
)
def test_a_warning_says_how_long(reason: Reason, seconds: float, told: str):
    assert re.search(rf"\b[Ii]n {re.escape(told)}\b", reason.warning(seconds))


def test_what_cannot_be_foreseen_has_no_warning():
    assert Reason.CRASHED.warning(60) == ""
