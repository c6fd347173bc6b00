"""Files of displays are published at once, and are not among the files of the cell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from sagecell_tx.kernelside.userapi.shownfiles import MOST, ShownFiles


@define
class API:
    sent_files: dict[str, float] = field(factory=dict)


@define
class Box:
    """Has what it is given as an attribute."""

    root: int = -1
    api: API = field(factory=API)


@define
class Shell:
    toolbox: Box = field(factory=Box)


@define
class Kernel:
    """A kernel whose files are in `changed_files.root`, and which counts their announcements."""

    changed_files: Box | None = None
    shell: Shell = field(factory=Shell)
    announced: list[list[str]] = field(factory=list)

    def announce_files(self) -> list[str]:
        assert self.changed_files is not None
        self.announced.append(sorted(os.listdir(self.changed_files.root)))
        return []


@pytest.fixture
def kernel(tmp_path: Path) -> Any:
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield Kernel(Box(root))
    os.close(root)


def test_the_files_of_a_display(kernel, tmp_path):
    name = ShownFiles(kernel=kernel).keep({".png": b"picture", ".html": b"page"})
    assert (tmp_path / f"{name}.png").read_bytes() == b"picture"
    assert (tmp_path / f"{name}.html").read_bytes() == b"page"
    assert kernel.announced == [[f"{name}.html", f"{name}.png"]]
    mtimes = {path.name: path.stat().st_mtime for path in tmp_path.iterdir()}
    assert kernel.shell.toolbox.api.sent_files == mtimes


def test_no_two_displays_share_a_file(kernel, tmp_path):
    shown = ShownFiles(kernel=kernel)
    assert shown.keep({".png": b"one"}) != shown.keep({".png": b"two"})
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"one", b"two"]


def test_a_directory_that_cannot_be_written_to(tmp_path):
    place = tmp_path / "gone"
    place.mkdir()
    root = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    kernel = Kernel(Box(root))
    place.rmdir()
    assert ShownFiles(kernel=kernel).keep({".png": b"picture"}) is None
    assert kernel.announced == []
    os.close(root)


def test_a_kernel_without_files():
    assert ShownFiles(kernel=Kernel()).keep({".png": b"picture"}) is None


def test_displays_leave_room_for_the_programs_own_files(kernel, tmp_path):
    shown = ShownFiles(kernel=kernel)
    names = [shown.keep({".png": b"picture"}) for _ in range(MOST + 2)]
    assert names[MOST - 1] is not None
    assert names[MOST:] == [None, None]
    assert len(list(tmp_path.iterdir())) == MOST
