"""Files of clients are written below the kernel's directory, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sagecell_tx.kernelside.files.received import WRITE_FILES, FileRequests, write
from sagecell_tx.kernelside.files.upload import ChangedFiles
from tests.kernelside.limits import roomy


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("name", ["a", "a/b", "ä ö.txt", "-", "...", "a/.../b", "n" * 255])
def test_a_file_is_written_with_its_directories(tmp_path: Path, root: int, name: str) -> None:
    for data in (b"first and longer", b"", b"\0\xff"):
        write(root, name, data)
        assert (tmp_path / name).read_bytes() == data


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "..", "../a", "a/../../b", ".", "\0", 5])
def test_a_name_that_leads_elsewhere(tmp_path: Path, root: int, name: Any) -> None:
    with pytest.raises(ValueError, match="path within"):
        write(root, name, b"")
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_followed(tmp_path: Path, root: int) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "directory").symlink_to(outside)
    (tmp_path / "file").symlink_to(outside / "file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("directory/a", "file", "pipe", "outside"):
        with pytest.raises(OSError, match="Errno"):
            write(root, name, b"")
    assert list(outside.iterdir()) == []


def test_descriptors_are_closed(tmp_path: Path, root: int) -> None:
    before = os.listdir("/proc/self/fd")
    write(root, "a/b/c", b"")
    with pytest.raises(OSError, match="Errno"):
        write(root, "a/b/c/d", b"")
    assert os.listdir("/proc/self/fd") == before


class Kernel:
    """As much of a kernel as the handler uses; records what is sent."""

    def __init__(self, root: int | None) -> None:
        self.published: list[dict[str, Any]] = []
        self.replies: list[tuple[str, dict[str, Any]]] = []
        self.session = SimpleNamespace(send=self._send)
        self.changed_files: Any = root and ChangedFiles(
            root=root,
            limits=roomy(),
            publish=lambda content, data: self.published.append(content),
            complain=lambda sentence: None,
        )

    def _send(self, stream: Any, msg_type: str, content: Any, parent: Any, ident: Any) -> None:
        self.replies.append((msg_type, content))

    def ask(self, content: dict[str, Any], *buffers: bytes) -> dict[str, Any]:
        """The content of the reply."""
        handle = FileRequests(self).handlers[WRITE_FILES]
        handle(None, None, {"content": content, "buffers": list(buffers)})
        msg_type, reply = self.replies.pop()
        assert msg_type == "sagecell.write_files_reply"
        return reply


def test_they_are_no_files_of_the_program_until_it_changes_them(tmp_path: Path, root: int) -> None:
    kernel = Kernel(root)
    assert kernel.ask({"names": ["a", "b"]}, b"1", b"2") == {"status": "ok"}
    assert kernel.changed_files.publish_changed() == []
    (tmp_path / "b").write_bytes(b"changed")
    assert kernel.changed_files.publish_changed() == ["b"]


def test_what_cannot_be_written_is_told(tmp_path: Path, root: int) -> None:
    kernel = Kernel(root)
    for content in ({}, {"names": "a"}, {"names": ["a", "b"]}, {"names": [".."]}):
        reply = kernel.ask(content, b"1")
        assert (reply["status"], reply["ename"]) == ("error", "invalid_request")
        assert reply["evalue"]
    (tmp_path / "d").mkdir()
    reply = kernel.ask({"names": ["d"]}, b"1")
    assert (reply["ename"], reply["evalue"]) == (
        "not_written",
        "The files could not be written: Is a directory.",
    )
    assert Kernel(None).ask({"names": []})["ename"] == "invalid_request"
