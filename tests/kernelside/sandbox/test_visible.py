"""What kernels may see of the system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sagecell_tx.kernelside.sandbox import visible

PROJECT = Path(__file__).parents[3]


def test_python_can_be_found():
    shown = list(visible.python_directories())
    for needed in (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__)):
        assert any(f"{needed}/".startswith(f"{path}/") for path in (*shown, *visible.SYSTEM)), (
            needed
        )


def test_of_a_checkout_only_the_package_is_shown():
    shown = list(visible.python_directories())
    assert str(PROJECT) not in shown
    assert str(PROJECT / "sagecell_tx") in shown


def test_nothing_is_shown_twice():
    shown = list(visible.python_directories())
    for path in shown:
        assert not any(path.startswith(f"{other}/") for other in shown)


def test_of_etc_nothing_that_is_anybodys():
    shown = set(visible.of_etc())
    assert shown
    for private in ("/etc", "/etc/passwd", "/etc/shadow", "/etc/ssl", "/etc/ssl/private"):
        assert private not in shown
