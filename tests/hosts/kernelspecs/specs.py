"""Kernelspecs in directories, as installers leave them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

#: The command of a kernel that is there wherever these tests run.
ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

#: A picture of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def write_spec(prefix: Path, name: str, **fields: Any) -> Path:
    """Install a kernelspec below the environment `prefix`; returns its directory.

    A field that is None is left out.
    """
    directory = prefix / "share" / "jupyter" / "kernels" / name
    directory.mkdir(parents=True)
    spec = {"argv": ARGV, "display_name": name.title(), "language": "python", **fields}
    content = {key: value for key, value in spec.items() if value is not None}
    (directory / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
    return directory
