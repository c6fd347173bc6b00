"""Browsers that not every machine has: a test that needs one is skipped without it."""

from __future__ import annotations

import shutil

import pytest


def installed(program: str, *, package: str) -> str:
    """The path of a program; skips the test if it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")
    return path
