"""Sage as a cell's language, on servers without Sage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The key for the program's language in the metadata of an execute_request.
LANGUAGE = "language"

#: Errors by which a program was ended on purpose, whatever its language.
_ENDED = frozenset({"KeyboardInterrupt", "SystemExit"})


def excuse(metadata: Mapping[str, Any], reply: Mapping[str, Any]) -> str:
    """The notice after a Sage program failed on a server without Sage; otherwise empty.

    A program that is valid Python as well runs without Sage, so there is no notice before.
    """
    failed = reply.get("status") == "error" and reply.get("ename") not in _ENDED
    if not failed or metadata.get(LANGUAGE) != "sage":
        return ""
    return "Sage is not installed on this server: the program ran as Python."
