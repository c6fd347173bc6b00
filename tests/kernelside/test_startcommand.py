"""The format of a start command."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from sagecell_tx.kernelside.startcommand import MOST, TRIAL, KernelLimits, StartCommand

LIMITS = KernelLimits(
    cpu_seconds=1.5,
    warning_seconds=0.5,
    memory_bytes=1,
    processes=2,
    open_files=3,
    directory_bytes=4,
    file_bytes=5,
    session_bytes=6,
    session_files=7,
    background_seconds=0.25,
)

START = StartCommand(kernel_id=7, limits=LIMITS, proxy=False)


@pytest.fixture
def line() -> dict[str, Any]:
    return START.line


@pytest.mark.parametrize(
    "start",
    [
        START,
        attrs.evolve(START, proxy=True, hosts=("a.org",)),
        attrs.evolve(START, ahead=True),
        TRIAL,
    ],
)
def test_what_is_written_is_what_is_read(start):
    assert StartCommand.parse(json.loads(json.dumps(start.line))) == start


@pytest.mark.parametrize("name", attrs.fields_dict(KernelLimits))
def test_a_limit_that_nobody_says_is_an_error(line, name):
    del line["limits"][name]
    with pytest.raises(ValueError, match=f"'{name}' is missing from the kernel's limits"):
        StartCommand.parse(line)
    with pytest.raises(TypeError, match=name):
        KernelLimits(**line["limits"])


@pytest.mark.parametrize("name", attrs.fields_dict(KernelLimits))
@pytest.mark.parametrize(
    "value", [None, "1", False, -1, MOST + 1, float("nan"), float("inf"), [1], {}]
)
def test_a_limit_that_is_none_is_an_error(line, name, value):
    line["limits"][name] = value
    with pytest.raises(ValueError, match=f"{name}: the kernel's limits must be numbers from 0 up"):
        StartCommand.parse(line)


@pytest.mark.parametrize("name", attrs.fields_dict(KernelLimits))
def test_seconds_may_be_fractions_and_nothing_else(line, name):
    line["limits"][name] = 0.5
    if name.endswith("_seconds"):
        assert getattr(StartCommand.parse(line).limits, name) == 0.5
        return
    with pytest.raises(ValueError, match=name):
        StartCommand.parse(line)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"limits": None}, "limits must be an object"),
        ({"limits": []}, "limits must be an object"),
        ({"limits": {**attrs.asdict(LIMITS), "cpu": 1}}, "'cpu' is not one of the kernel's limits"),
        ({"proxy": 1}, "true or false"),
        ({"proxy": None}, "true or false"),
        ({"hosts": "a.org"}, "names of hosts"),
        ({"hosts": [1]}, "names of hosts"),
    ],
)
def test_anything_else_is_told(line, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        StartCommand.parse({**line, **change})


@pytest.mark.parametrize("name", ["limits", "proxy"])
def test_neither_part_may_be_missing(line, name):
    del line[name]
    with pytest.raises(ValueError, match=name):
        StartCommand.parse(line)


@pytest.mark.parametrize("value", [None, 1, "true"])
def test_ahead_is_true_or_false(line, value):
    with pytest.raises(ValueError, match="ahead must be true or false"):
        StartCommand.parse({**line, "ahead": value})
