"""Trees that are deeper than a path may be long."""

from __future__ import annotations

import os
from pathlib import Path


def dig(where: Path, depth: int, *, beside: int = 0) -> None:
    """So many directories in one another, each with so many files and empty
    directories beside the next one.
    """
    current = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        for number in range(beside):
            os.mkdir(f"side-{number}", dir_fd=current)
            os.close(os.open(f"file-{number}", os.O_CREAT | os.O_WRONLY, dir_fd=current))
        os.mkdir("d", dir_fd=current)
        inner = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=current)
        os.close(current)
        current = inner
    os.close(current)
