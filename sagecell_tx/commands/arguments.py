"""What several commands take on their command lines: the address of a server, and a file with a token."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlsplit


def server_url(text: str) -> str:
    """The address of a server, without a slash at its end; raises ArgumentTypeError for anything else."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as https://cells.example.org")
    return text.rstrip("/")


def read_token(path: Path | None, otherwise: str = "") -> str:
    """The token in a file, or `otherwise` without one. Raises OSError, and ValueError for what is not ASCII."""
    return otherwise if path is None else path.read_text(encoding="ascii").strip()
