"""The program as it was at another revision, installed in a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]


def install(revision: str, directory: Path) -> Path:
    """Install `revision`, in git's words, below a new `directory`; returns its ``twistd``."""
    directory.mkdir()
    archive = ["git", "archive", "--format=tar", revision]
    files = subprocess.run(archive, cwd=_PROJECT, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x"], cwd=directory, input=files, check=True)
    venv = directory / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", ".[kernel]"], cwd=directory, check=True)
    return venv / "bin" / "twistd"
