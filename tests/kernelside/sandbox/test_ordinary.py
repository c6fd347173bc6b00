"""Programs that use the system as libraries and languages do run at every level."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernelside.confined import CONFINING, at_each
from tests.kernelside.sandbox import ordinary

pytestmark = [pytest.mark.integration, at_each(CONFINING)]

#: docs/security.rst says of the level `account` that it has no such things.
NOT_BY_ACCOUNT = ordinary.NETWORKED | ordinary.SHARED | ordinary.TERMINAL

SOURCE = Path(ordinary.__file__).read_text()


@pytest.mark.parametrize("name", ordinary.PROGRAMS)
def test_it_runs(server, kind, name):
    cell = server.start()
    code = f"""
import os, sys
with open("ordinary.py", "w") as file:
    file.write({SOURCE!r})
sys.path.insert(0, os.getcwd())
import ordinary
ordinary.{name}()
"""
    result = cell.run(code)
    cell.stop()
    if kind.level == "account" and name in NOT_BY_ACCOUNT:
        assert result.reply["ename"] in ("OSError", "PermissionError"), result.reply
    else:
        assert result.reply["status"] == "ok", result.reply
