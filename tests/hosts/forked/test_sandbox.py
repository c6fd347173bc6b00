"""The web process's choice of the level of confinement."""

from __future__ import annotations

import json
import sys

import pytest

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.forked.sandbox import Sandbox, run_program

SANDBOX = Sandbox(
    level="auto",
    kernels="/srv/kernels",
    hidden=("/srv",),
    visible=("/opt/sage",),
    accounts=(2000, 10),
)


def answering(answer: object, complaints: str = ""):
    return lambda argv: (json.dumps(answer), complaints)


def test_the_untrusted_side_is_told_all():
    assert SANDBOX.arguments == [
        *("--sandbox", "auto", "--kernels", "/srv/kernels"),
        *("--hide", "/srv", "--show", "/opt/sage", "--accounts", "2000:10"),
    ]


def test_what_works_is_what_kernels_get():
    chosen = SANDBOX.chosen(answering({"sandbox": "account", "features": []}, "namespaces: no\n"))
    assert chosen.level == "account"
    assert chosen.arguments[:2] == ["--sandbox", "account"]


def test_what_cannot_be_had_is_an_error_that_says_why():
    with pytest.raises(ConfigError, match=r"'auto' is not available here\. No namespaces\."):
        SANDBOX.chosen(answering({"unavailable": "No namespaces."}))


@pytest.mark.parametrize("said", ["", "nonsense", "[]", '{"sandbox": 7}'])
def test_an_answer_that_makes_no_sense_is_an_error_too(said):
    with pytest.raises(ConfigError, match="is not available here"):
        SANDBOX.chosen(lambda argv: (said, "a complaint"))


def test_an_unknown_level_is_refused():
    with pytest.raises(ConfigError, match="expected one of auto, namespaces, account, none"):
        Sandbox(level="namespace", kernels="/srv")


def test_accounts_are_a_first_one_and_a_number():
    with pytest.raises(ConfigError, match="accounts"):
        Sandbox(level="none", kernels="/srv", accounts=(1,))


def test_a_program_is_run():
    assert run_program([sys.executable, "-c", "print('out')"]) == ("out\n", "")


def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match="trial of the sandbox failed"):
        run_program(["/no/such/program"])
