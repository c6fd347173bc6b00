"""What a command with a reactor says when something fails: errors may contain what a server has sent."""

from __future__ import annotations

import subprocess
import sys

import pytest

_ENDS = """\
from sagecell_tx.commands.reacting import run_reactor

async def work(reactor):
    raise ValueError("\\x1b]0;pwned\\x07")

run_reactor(work)
"""

_GOES_ON = """\
from twisted.logger import Logger
from sagecell_tx.commands.reacting import run_reactor

async def work(reactor):
    Logger().info("nothing of interest")
    try:
        raise ValueError("\\x1b]0;pwned\\x07")
    except ValueError:
        Logger().failure("a visit")

run_reactor(work)
"""


@pytest.mark.parametrize(("program", "status"), [(_ENDS, 1), (_GOES_ON, 0)])
def test_what_fails_gives_the_terminal_no_commands(program: str, status: int) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == status
    assert b"ValueError" in done.stderr
    assert rb"\x1b]0;pwned\x07" in done.stderr
    assert b"\x1b" not in done.stderr
    assert b"nothing of interest" not in done.stderr
