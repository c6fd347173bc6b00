"""What several commands take on their command lines: the address of a server, a time, and a file with a token."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from urllib.parse import urlsplit

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

#: The longest time, in seconds.
_LONGEST = 24 * 3600.0


def server_url(text: str) -> str:
    """The address of a server, without a slash at its end; raises ArgumentTypeError for anything else."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as https://cells.example.org")
    return text.rstrip("/")


def duration(text: str) -> float:
    """The seconds of a time such as 20s; raises ArgumentTypeError for anything else."""
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else -1.0
    if not 0 <= seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 500ms, 20s, 5m or 1h")
    return seconds


def read_token(path: Path | None, otherwise: str = "") -> str:
    """The token in a file, or `otherwise` without one. Raises OSError, and ValueError for what is not ASCII."""
    return otherwise if path is None else path.read_text(encoding="ascii").strip()
