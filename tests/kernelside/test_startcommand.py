"""What a start command must be."""

from __future__ import annotations

from typing import Any

import pytest

from sagecell_tx.kernelside.startcommand import StartCommand


@pytest.fixture
def command() -> dict[str, Any]:
    return {"id": 7, "limits": {"cpu": 1.5, "file": 10}}


def test_all_is_taken(command):
    assert StartCommand.parse(command) == StartCommand(kernel_id=7, limits={"cpu": 1.5, "file": 10})


def test_a_proxy_is_announced_or_there_is_none(command):
    assert StartCommand.parse({**command, "proxy": True}).proxy
    assert not StartCommand.parse(command).proxy


def test_limits_are_rounded_up_and_may_be_missing(command):
    start = StartCommand.parse(command)
    assert [start.limit(name, 7) for name in ("cpu", "file", "other")] == [2, 10, 7]
    del command["limits"]
    assert StartCommand.parse(command).limit("cpu", 7) == 7


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"limits": None}, "limits"),
        ({"limits": {"cpu": float("nan")}}, "limits"),
        ({"limits": {"cpu": float("inf")}}, "limits"),
        ({"limits": {"cpu": "1"}}, "limits"),
        ({"limits": {"cpu": False}}, "limits"),
        ({"limits": {"file": -1}}, "limits"),
        ({"proxy": 1}, "true or false"),
        ({"proxy": None}, "true or false"),
    ],
)
def test_anything_else_is_told(command, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        StartCommand.parse({**command, **change})
