"""The virtual environment with Sage, for tests with the marker `sage`; `make test-sage` makes it."""

from __future__ import annotations

from pathlib import Path

#: Its Python.
PYTHON = Path(__file__).parents[1] / ".venv-sage" / "bin" / "python"
