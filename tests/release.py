"""Installs the wheel of a directory in a new virtual environment, and runs a cell with it.

python -m tests.release dist
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from tests.integration.servers import Server


def main(directory: str) -> int:
    """Returns the exit status; raises what fails."""
    (wheel,) = Path(directory).resolve().glob("*.whl")
    with tempfile.TemporaryDirectory() as place:
        binaries = Path(place) / "venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", binaries.parent], check=True)
        subprocess.run(
            [binaries / "pip", "install", "--quiet", f"{wheel}[kernel]"], cwd=place, check=True
        )
        subprocess.run(
            [binaries / "sagecell-tx", "--help"], cwd=place, check=True, capture_output=True
        )
        with Server(twistd=str(binaries / "twistd"), cwd=place) as server:
            program = "import numpy; print(numpy.arange(4).sum() * 7)"
            answer = requests.post(f"{server.url}/service", data={"code": program}, timeout=60)
            assert answer.json().get("stdout") == "42\n", answer.text
    print(f"{wheel.name} runs a cell.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
