"""Settings with former names are rewritten with the current ones, in files of any form."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx import renamed
from sagecell_tx.config import Config, load
from sagecell_tx.limits import Limits
from sagecell_tx.upgrade import upgraded

RATES = {name for name in renamed.LIMITS if name.startswith(("starts", "stored", "permalinks"))}
NUMBERS = renamed.LIMITS.keys() - RATES

#: A typical file: some defaults are changed, others are shown.
FILE = """\
# Ours.
listen = ["tcp:80"]

[limits]

# How many kernels at a time.
kernels = 10   # a small machine
#service_kernels = 16
# starts = { burst = 1000, per_minute = 3000 }
starts_per_site = { burst = 5, per_minute = 1 }

# A kernel's life, in seconds.
#start = 15
idle = 60
lifetime = 1_800

# The keys are
# secret.
[keys]
school = "a-key-of-some-length"
"""

UPGRADED = """\
# Ours.
listen = ["tcp:80"]

[limits.admission]

# How many kernels at a time.
kernels = 10   # a small machine
#service_kernels = 16
# starts = { burst = 1000, per_minute = 3000 }
starts_per_site = { burst = 5, per_minute = 1 }

[limits.lifetime]

# A kernel's life, in seconds.
#start_seconds = 15
idle_seconds = 60
total_seconds = 1_800

# The keys are
# secret.
[keys]
school = "a-key-of-some-length"
"""


def test_comments_and_layout_stay():
    assert upgraded(FILE) == UPGRADED


@pytest.mark.parametrize("text", ["", "spare = false", "[limits]\n", "limits = 5", UPGRADED])
def test_what_has_no_former_name_stays_as_it_is(text):
    assert upgraded(text) == text


@pytest.mark.parametrize("former", renamed.LIMITS)
def test_every_limit_is_given_its_name_of_today(former):
    table, name = renamed.LIMITS[former]
    value = {"burst": 5, "per_minute": 6} if former in RATES else 7
    shown = "{ burst = 5, per_minute = 6 }" if former in RATES else "7"
    for text in (
        f"[limits]\n{former} = {shown}\n",
        f"limits.{former} = {shown}",
        f"limits = {{ {former} = {shown} }}",
    ):
        assert tomllib.loads(upgraded(text)) == {"limits": {table: {name: value}}}
    assert upgraded(f"[limits]\n#{former} = {shown}\n") == (
        f"[limits.{table}]\n#{name} = {shown}\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "limits.idle = 5 # five\nlimits.cpu = 6\nspare = true",
            "spare = true\n"
            "[limits.lifetime]\nidle_seconds = 5 # five\n\n[limits.machine]\ncpu_seconds = 6\n",
        ),
        (
            "limits = { idle = 5, cpu = 6 } # two\n",
            "\n[limits.lifetime]\n# two\nidle_seconds = 5\n\n[limits.machine]\ncpu_seconds = 6\n",
        ),
        (
            "[limits.starts] # how often\nburst = 1 # one\n# and\nper_minute = 2\n",
            "[limits.admission]\n# how often\nstarts.burst = 1 # one\n# and\nstarts.per_minute = 2\n",
        ),
        (
            "[limits]\nstarts.burst = 1\nstarts.per_minute = 2\n",
            "[limits.admission]\nstarts.burst = 1\nstarts.per_minute = 2\n",
        ),
        (
            "[limits] # all\nidle = 5\n# of the keys\n[keys]\na = 'b'\n[limits.starts]\nburst = 1\n# end",
            "[limits.lifetime]\n# all\nidle_seconds = 5\n\n"
            "[limits.admission]\nstarts.burst = 1\n# of the keys\n[keys]\na = 'b'\n# end",
        ),
        (
            "[limits.lifetime]\nidle_seconds = 5\n[limits]\nunknown = 1\nwarning = 6\n",
            "[limits]\nunknown = 1\n\n[limits.lifetime]\nidle_seconds = 5\nwarning_seconds = 6\n",
        ),
    ],
)
def test_however_it_is_written(text, told):
    assert tomllib.loads(text), "a file that there can be"
    assert upgraded(text) == told


def test_a_limit_that_is_there_by_both_names_is_told():
    for text in (
        "[limits]\nidle = 5\nlifetime.idle_seconds = 6\n",
        "[limits]\nidle = 5\n[limits.lifetime]\nidle_seconds = 6\n",
        "[limits]\nkernels = 5\n[limits.admission]\nkernels = 6\n",
        "[limits]\nstarts = { burst = 5 }\nadmission.starts.burst = 6\n",
    ):
        with pytest.raises(ValueError, match=r"^limits\.[a-z]+\.[a-z_]+ is also given under its "):
            upgraded(text)


@pytest.mark.parametrize(
    "text", ["listen = ", "a = 1\na = 2", "a = " + "[" * 100_000, "[[limits.files]]"]
)
def test_what_is_not_toml_is_told(text):
    with pytest.raises(ValueError, match=r"^not TOML: "):
        upgraded(text)


def test_the_result_can_be_loaded(tmp_path: Path):
    lines = [f"{name} = 7" for name in sorted(NUMBERS)]
    lines += [f"{name} = {{ burst = 7, per_minute = 7 }}" for name in sorted(RATES)]
    path = tmp_path / "sagecell.toml"
    path.write_text(upgraded("\n".join(["[limits]", *lines])), encoding="utf-8")
    config = Config(**load(path))
    assert config.limits.network.traffic_bytes == 7
    assert config.limits != Limits()


comments = st.text("#= abc_.'\"[]", max_size=12).map(lambda text: f"#{text}")


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(sorted(renamed.LIMITS)), comments),
            comments,
            st.just(""),
        ),
        unique_by=lambda line: line[0] if isinstance(line, tuple) else object(),
    )
)
def test_values_and_comments_are_those_that_were_there(lines: list[Any]):
    text = "[limits]\n"
    expected: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines):
        if isinstance(line, tuple):
            (former, comment) = line
            table, name = renamed.LIMITS[former]
            rate = {"burst": number, "per_minute": 1}
            shown = f"{{ burst = {number}, per_minute = 1 }}" if former in RATES else number
            text += f"{former} = {shown} {comment}\n"
            expected.setdefault(table, {})[name] = rate if former in RATES else number
        else:
            text += f"{line}\n"
    result = upgraded(text)
    assert tomllib.loads(result)["limits"] == expected
    told = [line for line in result.splitlines() if line and not line.startswith("[limits")]
    assert sorted(line.partition("#")[2] for line in told) == sorted(
        line.partition("#")[2] for line in text.splitlines()[1:] if line
    )
    assert upgraded(result) == result
