"""The words and sentences for why a life ended."""

import signal

import pytest

from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.reasons import Reason, reason_for


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
    ],
)
def test_how_a_process_ended_says_why(how: Exit, reason: Reason):
    assert reason_for(how) is reason
