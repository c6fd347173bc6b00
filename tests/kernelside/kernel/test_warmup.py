"""What warming has opened is closed before the fork, so that no kernel closes it a second time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PRELOAD = "matplotlib.pyplot"

#: The fonts of a formula are freed when fifty others were parsed after it. The files take every
#: number that the fork server's descriptors have had.
FORMULAS_BESIDE_OPEN_FILES = """
import gc, os
from matplotlib.mathtext import MathTextParser
files = [open(os.devnull) for _ in range(200)]
parser = MathTextParser("agg")
for number in range(60):
    parser.parse(f"${number}$")
gc.collect()
closed = []
for file in files:
    try:
        os.fstat(file.fileno())
    except OSError:
        closed.append(file.fileno())
"""


def test_a_program_keeps_its_files_when_formulas_are_forgotten(cell):
    assert cell.run(FORMULAS_BESIDE_OPEN_FILES).text("stderr") == ""
    assert cell.value("closed") == "[]"


def test_the_fork_server_has_no_font_open(server):
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    opened = [os.readlink(each) for each in descriptors.iterdir()]
    assert not [each for each in opened if "fonts" in each]
