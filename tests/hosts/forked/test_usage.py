"""What kernels use, from files as Linux has them in /proc."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagecell_tx.hosts.forked.usage import parse_stat, usages_of

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def stat(pid: int, parent: int, *, name: str = "python", ticks: int = 0, pages: int = 0) -> str:
    """A line of /proc/<pid>/stat; the ticks are divided among the four counts."""
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "1", "2", "3", *["0"] * 6, str(pages)]
    return " ".join([str(pid), f"({name})", *fields, "0", "0"])


def write(proc: Path, *lines: str) -> None:
    for line in lines:
        directory = proc / line.partition(" ")[0]
        directory.mkdir(parents=True)
        (directory / "stat").write_text(line)


def test_a_process() -> None:
    usage = parse_stat(stat(7, 3, ticks=94, pages=5).encode())
    assert usage is not None
    assert (usage.parent, usage.cpu_seconds, usage.memory_bytes) == (3, 100 / TICKS, 5 * PAGE)


@pytest.mark.parametrize("name", ["a b", ") 1 2 3 (", "\xff", ") S 1 2"])
def test_a_program_chooses_its_name(name: str) -> None:
    line = stat(7, 3, name=name, pages=5).encode("latin-1")
    usage = parse_stat(line)
    assert usage is not None
    assert (usage.parent, usage.memory_bytes) == (3, 5 * PAGE)


@pytest.mark.parametrize("line", [b"", b"7 (a) S", b"7 (a) S x" + b" 1" * 30, b"\x00" * 100])
def test_what_is_no_such_line(line: bytes) -> None:
    assert parse_stat(line) is None


def test_trees_are_added_up(tmp_path: Path) -> None:
    write(
        tmp_path,
        stat(1, 0, ticks=1000, pages=1000),
        stat(10, 1, ticks=94, pages=1),
        stat(11, 10, ticks=194, pages=2),
        stat(12, 11, ticks=294, pages=3),
        stat(20, 1, ticks=394, pages=4),
    )
    (tmp_path / "self").mkdir()
    (tmp_path / "30").mkdir()  # ended meanwhile
    usages = usages_of({"a": 10, "b": 20, "gone": 30, "everything": 1, "us": 0}, tmp_path)
    told = {
        name: (each.cpu_seconds * TICKS, each.memory_bytes / PAGE) for name, each in usages.items()
    }
    assert told == {"a": (600, 6), "b": (400, 4)}


def test_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path, stat(10, 11, pages=1), stat(11, 10, pages=1))
    assert usages_of({"a": 10}, tmp_path)["a"].memory_bytes == 2 * PAGE


def test_this_process_uses_something() -> None:
    usage = usages_of({"we": os.getpid()})["we"]
    assert usage.cpu_seconds > 0
    assert usage.memory_bytes > 1 << 20
