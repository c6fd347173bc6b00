"""Sage as a cell's language: Python with much around it, where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

#: What the metadata of an execute_request says of the language that the program is written in.
LANGUAGE = "language"


def excuse(metadata: Mapping[str, Any], reply: Mapping[str, Any]) -> str:
    """What to tell of a program that failed, perhaps because Sage is not here; mostly nothing.

    A program that is Python as well runs without Sage, so nothing is said before it fails.
    """
    failed = reply.get("status") == "error" and reply.get("ename") != "KeyboardInterrupt"
    if not failed or metadata.get(LANGUAGE) != "sage" or "sage" in sys.modules:
        return ""
    return "Sage is not installed on this server: the program ran as Python."
