"""Which files are published to the visitor, and which are refused."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagecell_tx.kernelside.files import upload
from sagecell_tx.kernelside.files.upload import PIECE, SENTENCES, ChangedFiles
from tests.examples import at_most
from tests.kernelside.limits import roomy

SECRET = b"root:x:0:0"


@frozen
class FilePiece:
    content: dict[str, Any]
    data: bytes


@define
class Cell:
    """A directory, the pieces published from it, and the messages about it."""

    work: Path
    changed_files: ChangedFiles = field(init=False)
    pieces: list[FilePiece] = field(factory=list)
    sentences: list[str] = field(factory=list)
    meanwhile: Callable[[], None] | None = None

    def __attrs_post_init__(self) -> None:
        self.work.mkdir(exist_ok=True)
        self.changed_files = ChangedFiles(
            root=os.open(self.work, os.O_RDONLY | os.O_DIRECTORY),
            limits=roomy(file_bytes=4 * PIECE, session_bytes=10 * PIECE, session_files=50),
            publish=self.publish,
            complain=self.sentences.append,
        )

    def publish(self, content: dict[str, Any], data: bytes) -> None:
        self.pieces.append(FilePiece(content, data))
        if self.meanwhile is not None:
            self.meanwhile()

    def bytes_of(self, name: str) -> bytes:
        """A file assembled as the receiver does it, checked to be complete and in order."""
        whole = b""
        pieces = [piece for piece in self.pieces if piece.content["name"] == name]
        for piece in pieces:
            assert piece.content["offset"] == len(whole)
            assert len(piece.data) <= PIECE
            whole += piece.data
        assert [piece.content["last"] for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert pieces[-1].content["size"] == len(whole)
        return whole

    def refuses(self, name: str, why: str) -> None:
        """Asserts that the one new file is refused, with a message that contains `why`."""
        assert self.changed_files.publish_changed() == []
        assert self.pieces == []
        (sentence,) = self.sentences
        assert sentence.startswith(name)
        assert why in sentence
        assert len(sentence) < 300
        # The message comes only once.
        assert self.changed_files.publish_changed() == []
        assert len(self.sentences) == 1


@pytest.fixture
def cell(tmp_path):
    cell = Cell(tmp_path / "work")
    yield cell
    os.close(cell.changed_files.root)


@pytest.fixture
def outside(tmp_path):
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_bytes(SECRET)
    return directory


class TestOffered:
    def test_new_files_in_order_of_their_making(self, cell):
        for number, name in enumerate(["b", "a", "c"]):
            (cell.work / name).write_text(name)
            os.utime(cell.work / name, (number, number))
        assert cell.changed_files.publish_changed() == ["b", "a", "c"]
        assert [piece.content["mtime"] for piece in cell.pieces] == [0.0, 1.0, 2.0]
        assert cell.sentences == []

    def test_nothing_when_nothing_changed(self, cell):
        (cell.work / "a").write_text("a")
        cell.changed_files.publish_changed()
        assert cell.changed_files.publish_changed() == []

    def test_what_was_there_before_is_not_new(self, cell):
        (cell.work / "a").write_text("a")
        cell.changed_files.remember()
        assert cell.changed_files.publish_changed() == []

    def test_a_changed_file_again(self, cell):
        (cell.work / "a").write_text("one")
        cell.changed_files.publish_changed()
        (cell.work / "a").write_text("more")
        cell.pieces.clear()
        assert cell.changed_files.publish_changed() == ["a"]
        assert cell.bytes_of("a") == b"more"

    def test_a_file_replaced_by_one_that_looks_the_same(self, cell):
        (cell.work / "a").write_text("one")
        os.utime(cell.work / "a", (1, 1))
        cell.changed_files.publish_changed()
        (cell.work / "b").write_text("two")
        os.utime(cell.work / "b", (1, 1))
        (cell.work / "b").rename(cell.work / "a")
        assert cell.changed_files.publish_changed() == ["a"]

    def test_a_file_deleted_and_made_again(self, cell):
        (cell.work / "a").write_text("one")
        cell.changed_files.publish_changed()
        (cell.work / "a").unlink()
        assert cell.changed_files.publish_changed() == []
        (cell.work / "a").write_text("two")
        assert cell.changed_files.publish_changed() == ["a"]

    def test_in_directories(self, cell):
        (cell.work / "one" / "two").mkdir(parents=True)
        (cell.work / "one" / "two" / "three.txt").write_text("deep")
        assert cell.changed_files.publish_changed() == ["one/two/three.txt"]

    def test_an_empty_file_is_one_message(self, cell):
        (cell.work / "empty").touch()
        assert cell.changed_files.publish_changed() == ["empty"]
        (piece,) = cell.pieces
        assert piece.data == b""
        assert piece.content["last"] is True
        assert piece.content["size"] == piece.content["offset"] == 0

    @pytest.mark.parametrize("size", [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
    def test_pieces(self, cell, size):
        data = os.urandom(size)
        (cell.work / "a").write_bytes(data)
        assert cell.changed_files.publish_changed() == ["a"]
        assert cell.bytes_of("a") == data
        assert len(cell.pieces) == -(-size // PIECE)

    def test_a_sparse_file_within_the_limit(self, cell):
        with open(cell.work / "sparse", "wb") as file:
            file.truncate(PIECE + 7)
        assert cell.changed_files.publish_changed() == ["sparse"]
        assert cell.bytes_of("sparse") == bytes(PIECE + 7)

    def test_names_of_all_the_world(self, cell):
        for name in ("Größe.csv", "数据", "a%2fb?x=1#y", "-rf", "<b>"):
            (cell.work / name).write_text(name)
        assert sorted(cell.changed_files.publish_changed()) == sorted(os.listdir(cell.work))

    @pytest.mark.parametrize("name", [".hidden", "__pycache__", "sagemathcell.py"])
    def test_not_what_is_ours(self, cell, name):
        (cell.work / name).write_text("x")
        (cell.work / "directory").mkdir()
        (cell.work / "directory" / name).mkdir()
        (cell.work / "directory" / name / "inner").touch()
        assert cell.changed_files.publish_changed() == []
        assert cell.sentences == []


class TestRefused:
    def test_a_link_to_a_file_outside(self, cell, outside):
        (cell.work / "link").symlink_to(outside / "secret")
        cell.refuses("'link'", "symbolic link")

    def test_a_link_to_a_file_inside(self, cell):
        (cell.work / "a").write_text("a")
        cell.changed_files.remember()
        (cell.work / "link").symlink_to("a")
        cell.refuses("'link'", "symbolic link")

    def test_a_link_to_a_directory(self, cell, outside):
        (cell.work / "link").symlink_to(outside)
        cell.refuses("'link'", "symbolic link")

    def test_a_named_pipe_that_nobody_writes(self, cell):
        os.mkfifo(cell.work / "fifo")
        cell.refuses("'fifo'", "named pipe")

    def test_a_socket(self, cell, monkeypatch):
        monkeypatch.chdir(cell.work)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
            cell.refuses("'socket'", "a socket")

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            (b"\xff\xfe.csv", r"'\udcff\udcfe.csv'"),
            (b"a\nb", r"'a\nb'"),
            (b"a\x1b[31m", r"'a\x1b[31m'"),
        ],
    )
    def test_names_that_cannot_be_shown(self, cell, name, shown):
        with open(os.fsencode(cell.work) + b"/" + name, "w"):
            pass
        cell.refuses(shown, "its name")

    def test_a_backslash(self, cell):
        (cell.work / "a\\b").touch()
        cell.refuses("'a\\b'", "backslash")

    def test_a_path_of_four_thousand_bytes(self, cell, monkeypatch):
        monkeypatch.chdir(cell.work)
        for _ in range(16):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
        with open("file", "w"):
            pass
        monkeypatch.undo()
        cell.refuses("'ddd", "too long")

    def test_a_file_too_large(self, cell):
        with open(cell.work / "big", "wb") as file:
            file.truncate(1 << 40)
        cell.refuses("'big'", f"1,099,511,627,776 bytes, and {4 * PIECE:,} are allowed")

    def test_more_bytes_than_a_session_may_save(self, cell):
        for number in range(3):
            (cell.work / str(number)).write_bytes(bytes(4 * PIECE))
            os.utime(cell.work / str(number), (number, number))
        assert cell.changed_files.publish_changed() == ["0", "1"]
        (sentence,) = cell.sentences
        limit = f"a session may save at most {10 * PIECE:,} bytes in all"
        assert sentence == f"'2' was not saved: {limit}."

    def test_more_files_than_a_session_may_save(self, cell):
        for number in range(50 + SENTENCES + 3):
            (cell.work / f"{number:02}").touch()
        assert len(cell.changed_files.publish_changed()) == 50
        assert len(cell.sentences) == SENTENCES + 1
        assert cell.sentences[-1] == "3 more files were not saved."
        assert "a session may save at most 50 files" in cell.sentences[0]

    def test_a_name_that_is_known_may_change_even_then(self, cell):
        for number in range(50):
            (cell.work / f"{number:02}").touch()
        cell.changed_files.publish_changed()
        (cell.work / "07").write_text("again")
        assert cell.changed_files.publish_changed() == ["07"]

    def test_more_entries_than_are_looked_at(self, cell, monkeypatch):
        monkeypatch.setattr(upload, "ENTRIES", 5)
        for number in range(8):
            (cell.work / f"{number}").touch()
        assert len(cell.changed_files.publish_changed()) == 5
        assert cell.sentences == ["Files of this cell may be missing: there are more than 5 files."]

    def test_directories_without_end(self, cell):
        deep = cell.work.joinpath(*["d"] * (upload.DEPTH + 1))
        deep.mkdir(parents=True)
        (deep / "file").touch()
        assert cell.changed_files.publish_changed() == []
        (sentence,) = cell.sentences
        assert "too deep" in sentence

    def test_the_directory_itself_is_gone(self, cell):
        cell.work.rmdir()
        assert cell.changed_files.publish_changed() == []


class TestMeanwhile:
    """The directory changes while it is read: at the first piece."""

    def swap_after_the_first(self, cell: Cell, swap: Callable[[], None]) -> None:
        (cell.work / "0").write_text("first")
        os.utime(cell.work / "0", (0, 0))

        def once() -> None:
            cell.meanwhile = None
            swap()

        cell.meanwhile = once

    def test_a_file_becomes_a_link_outside(self, cell, outside):
        (cell.work / "a").write_text("a")

        def swap() -> None:
            (cell.work / "a").unlink()
            (cell.work / "a").symlink_to(outside / "secret")

        self.swap_after_the_first(cell, swap)
        assert cell.changed_files.publish_changed() == ["0"]
        assert [sentence[:18] for sentence in cell.sentences] == ["'a' was not saved:"]

    def test_a_directory_becomes_a_link_outside(self, cell, outside):
        (cell.work / "directory").mkdir()
        (cell.work / "directory" / "secret").write_text("mine")

        def swap() -> None:
            (cell.work / "directory").rename(cell.work / "elsewhere")
            (cell.work / "directory").symlink_to(outside)

        self.swap_after_the_first(cell, swap)
        assert cell.changed_files.publish_changed() == ["0"]
        assert all(SECRET not in piece.data for piece in cell.pieces)

    def test_a_file_becomes_a_named_pipe(self, cell):
        (cell.work / "a").write_text("a")

        def swap() -> None:
            (cell.work / "a").unlink()
            os.mkfifo(cell.work / "a")

        self.swap_after_the_first(cell, swap)
        assert cell.changed_files.publish_changed() == ["0"]
        assert "no longer a regular file" in cell.sentences[0]

    def test_a_file_is_gone(self, cell):
        (cell.work / "a").write_text("a")
        self.swap_after_the_first(cell, (cell.work / "a").unlink)
        assert cell.changed_files.publish_changed() == ["0"]
        assert cell.sentences == ["'a' was not saved: No such file or directory."]

    def test_a_file_shrinks(self, cell):
        (cell.work / "a").write_bytes(bytes(3 * PIECE))
        cell.meanwhile = lambda: os.truncate(cell.work / "a", PIECE + 3)
        assert cell.changed_files.publish_changed() == ["a"]
        assert cell.bytes_of("a") == bytes(PIECE + 3)

    def test_a_file_grows(self, cell):
        (cell.work / "a").write_bytes(bytes(2 * PIECE))
        cell.meanwhile = lambda: os.truncate(cell.work / "a", 4 * PIECE)
        assert cell.changed_files.publish_changed() == ["a"]
        assert cell.bytes_of("a") == bytes(2 * PIECE)
        cell.meanwhile = None
        cell.pieces.clear()
        # The grown file is published the next time.
        assert cell.changed_files.publish_changed() == ["a"]
        assert cell.bytes_of("a") == bytes(4 * PIECE)

    def test_an_interrupt_leaves_the_rest_for_the_next_time(self, cell):
        (cell.work / "a").write_text("a")
        os.utime(cell.work / "a", (1, 1))
        (cell.work / "b").write_bytes(bytes(2 * PIECE))

        def interrupt() -> None:
            if cell.pieces[-1].content["name"] == "b":
                raise KeyboardInterrupt

        cell.meanwhile = interrupt
        assert cell.changed_files.publish_changed() == ["a"]
        assert cell.sentences == ["Interrupted: files of this cell may be missing."]
        cell.meanwhile = None
        cell.pieces.clear()
        assert cell.changed_files.publish_changed() == ["b"]
        assert cell.bytes_of("b") == bytes(2 * PIECE)

    def test_a_failure_to_publish_is_told(self, cell):
        (cell.work / "a").write_text("a")

        def fail() -> None:
            raise RuntimeError("no socket")

        cell.meanwhile = fail
        assert cell.changed_files.publish_changed() == []
        assert cell.sentences == ["Files of this cell may be missing: RuntimeError('no socket')"]


# A name that a file system accepts: any bytes but NUL and the slash.
_NAMES = st.binary(min_size=1, max_size=60).filter(
    lambda name: name not in (b".", b"..") and not set(name) & {0, ord("/")}
)


@settings(max_examples=at_most(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(_NAMES, max_size=5))
def test_every_name_is_offered_or_told(names, tmp_path_factory):
    cell = Cell(tmp_path_factory.mktemp("names"))
    try:
        for name in names:
            with open(os.fsencode(cell.work) + b"/" + name, "wb") as file:
                file.write(name)
        offered = cell.changed_files.publish_changed()
        for name in offered:
            assert cell.bytes_of(name) == name.encode("utf-8")
        quiet = {name for name in names if name.startswith(b".")}
        assert len(offered) + len(cell.sentences) == len(names - quiet)
        assert all(sentence.isprintable() for sentence in cell.sentences)
    finally:
        os.close(cell.changed_files.root)
