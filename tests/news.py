"""Builds the news of a release from newsfragments/.

    python -m tests.news            prints them
    python -m tests.news --write    puts them into NEWS.rst and removes the fragments

Fragments are named ``<issue>.<kind>.<word>.rst``, but towncrier tells those of one issue and kind apart by
numbers only. So it gets copies with a number in place of the word, in the order of the words.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import sagecell_tx

PROJECT = Path(__file__).parent.parent
FRAGMENTS = "newsfragments"

#: As in pyproject.toml. towncrier leaves out files of any other kind without a word.
KINDS = ("removal", "feature", "bugfix", "doc", "misc")


def numbered(names: Sequence[str]) -> dict[str, str]:
    """The names for towncrier, by those of the fragments; raises ValueError for one of another form."""
    seen: Counter[str] = Counter()
    result = {}
    for name in sorted(names):
        parts = name.split(".")
        if (
            not 3 <= len(parts) <= 4
            or not parts[0].isdigit()
            or parts[1] not in KINDS
            or parts[-1] != "rst"
        ):
            raise ValueError(f"{name}: fragments are named <issue>.<kind>.<word>.rst")
        kind = ".".join(parts[:2])
        seen[kind] += 1
        result[name] = f"{kind}.{seen[kind]}.rst"
    return result


def build(project: Path, version: str) -> str:
    """NEWS.rst with the news of a version, from the fragments of a project. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as copy:
        (Path(copy) / FRAGMENTS).mkdir()
        for name in ("pyproject.toml", "NEWS.rst"):
            shutil.copy(project / name, copy)
        fragments = [path.name for path in (project / FRAGMENTS).glob("*.rst")]
        for name, number in numbered(fragments).items():
            shutil.copy(project / FRAGMENTS / name, Path(copy) / FRAGMENTS / number)
        subprocess.run(
            [sys.executable, "-m", "towncrier", "build", "--yes", "--version", version],
            cwd=copy,
            check=True,
            capture_output=True,
            text=True,
        )
        return (Path(copy) / "NEWS.rst").read_text(encoding="utf-8")


def main() -> int:
    """Print the news, or write them; returns the exit status."""
    parser = argparse.ArgumentParser(description="Build the news of a release from newsfragments/.")
    parser.add_argument("--version", default=sagecell_tx.__version__)
    parser.add_argument("--write", action="store_true", help="write NEWS.rst, remove the fragments")
    options = parser.parse_args()
    try:
        news = build(PROJECT, options.version)
    except subprocess.CalledProcessError as error:
        print(error.stderr, file=sys.stderr)  # noqa: T201
        return 1
    if not options.write:
        print(news)  # noqa: T201
        return 0
    (PROJECT / "NEWS.rst").write_text(news, encoding="utf-8")
    for path in (PROJECT / FRAGMENTS).glob("*.rst"):
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
