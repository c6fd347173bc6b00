"""The command line of ``sagecell-tx load``."""

from __future__ import annotations

import io
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from sagecell_tx.cli import main, parser
from sagecell_tx.commands.load import is_loopback, load_run
from sagecell_tx.remote.load.models import ArrivalsModel, ClassModel
from sagecell_tx.remote.terminal import Terminal

HERE = "http://localhost:8888"


def made(*words: str) -> Any:
    """The run for a command line."""
    options = parser().parse_args(["load", *words])
    terminal = Terminal(out=io.StringIO(), err=io.StringIO())
    return load_run(options, MemoryReactorClock(), terminal)


def test_the_defaults_are_bounded() -> None:
    run = made(HERE)
    assert isinstance(run.model, ClassModel)
    assert (run.model.visitors, run.model.think) == (10, 10)
    assert (run.stage.seconds, run.stage.most) == (60, 100_000)
    assert run.headers(5) == {}


def test_a_class_and_arrivals() -> None:
    run = made("--class", "60", "--think", "1.5m", "--for", "500ms", f"{HERE}/cells/")
    assert (run.model.visitors, run.model.think, run.stage.seconds) == (60, 90, 0.5)
    assert run.visits.server == f"{HERE}/cells"
    run = made("--rate", "2.5", "--at-once", "7", "--for", "1h", HERE)
    assert isinstance(run.model, ArrivalsModel)
    assert (run.model.rate, run.model.at_once, run.stage.seconds) == (2.5, 7, 3600)


def test_what_is_run_and_how() -> None:
    run = made("--programs", "long,file", "--transports", "poll", "--accept-terms", HERE)
    assert list(run.visits.programs) == ["long", "file"]
    assert run.visits.transports == ("poll",)
    assert run.visits.form == {"accepted_tos": "true"}


def test_visitors_have_addresses_of_their_own() -> None:
    run = made("--own-addresses", HERE)
    addresses = {run.headers(number)["X-Forwarded-For"] for number in range(5000)}
    assert len(addresses) == 5000
    assert all(each.startswith("198.18.") for each in addresses)


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        (HERE, True),
        ("https://127.0.0.1", True),
        ("http://[::1]:8888/cells", True),
        ("http://127.9.9.9", True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://192.0.2.1", False),
        ("http://cells.example", False),
        ("http://localhost@cells.example", False),
    ],
)
def test_which_servers_are_of_this_machine(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here


def test_another_machine_needs_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "http://cells.example"]) == 2
    assert "--i-operate-this-server" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["cells.example"],
        ["--class", "0", HERE],
        ["--class", "5001", HERE],
        ["--class", "5", "--rate", "5", HERE],
        ["--rate", "0", HERE],
        ["--rate", "nan", HERE],
        ["--rate", "1e9", HERE],
        ["--for", "5d", HERE],
        ["--for", "25h", HERE],
        ["--think", "-1s", HERE],
        ["--transports", "pigeon", HERE],
        ["--programs", "", HERE],
        ["--most", "0", HERE],
    ],
)
def test_what_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["load", *words])
    assert end.value.code == 2
    assert "usage: sagecell-tx load" in capsys.readouterr().err


def test_programs_that_no_transport_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "--transports", "service", "--programs", "plot,interact", HERE]) == 2
    assert "/service runs only these: arithmetic, error" in capsys.readouterr().err
