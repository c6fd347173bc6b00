"""Names from a server lead nowhere else than below the directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagecell_tx.remote.saving import Directory, NotWritten


def save(directory: Directory, name: str, data: bytes = b"data") -> None:
    with directory.file(name) as file:
        file.write(data)


def names_in(path: Path) -> set[str]:
    return {str(each.relative_to(path)) for each in path.rglob("*")}


def test_a_file_is_saved_with_its_directories(tmp_path: Path) -> None:
    directory = Directory(path=tmp_path / "new" / "one")
    save(directory, "a/b/ä.txt")
    save(directory, "a/c.txt", b"")
    assert (directory.path / "a/b/ä.txt").read_bytes() == b"data"
    assert names_in(directory.path) == {"a", "a/b", "a/b/ä.txt", "a/c.txt"}


@pytest.mark.parametrize(
    "name",
    ["", "/etc/a", "../a", "a/../../b", "a//b", ".", "..", "a\\b", "a\nb", "a\0", "a/\x1b[2J"],
)
@pytest.mark.parametrize("overwrites", [False, True])
def test_a_name_that_leads_elsewhere(tmp_path: Path, name: str, overwrites: bool) -> None:
    directory = Directory(path=tmp_path / "inner", overwrites=overwrites)
    with pytest.raises(NotWritten) as refused:
        save(directory, name)
    assert str(refused.value).isprintable()
    assert names_in(tmp_path) <= {"inner"}


@pytest.mark.parametrize("name", [".profile", ".config/a", "a/.git/config"])
@pytest.mark.parametrize("overwrites", [False, True])
def test_hidden_files_are_not_saved(tmp_path: Path, name: str, overwrites: bool) -> None:
    """Shells and editors run some of these, and servers list none."""
    directory = Directory(path=tmp_path, overwrites=overwrites)
    with pytest.raises(NotWritten, match="hidden"):
        save(directory, name)
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize("name", ["table_\u202etxt.exe", "a\u2066/b", "\u200fa"])
def test_names_that_are_shown_in_another_order_are_not_saved(tmp_path: Path, name: str) -> None:
    """The first one would be shown as "table_exe.txt"."""
    with pytest.raises(NotWritten, match="order") as refused:
        save(Directory(path=tmp_path), name)
    assert str(refused.value).isprintable()
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize("overwrites", [False, True])
def test_links_are_not_followed(tmp_path: Path, overwrites: bool) -> None:
    outside, inner = tmp_path / "outside", tmp_path / "inner"
    outside.mkdir()
    inner.mkdir()
    (outside / "file").write_bytes(b"precious")
    (inner / "link").symlink_to(outside)
    (inner / "file").symlink_to(outside / "file")
    directory = Directory(path=inner, overwrites=overwrites)
    with pytest.raises(NotWritten, match="is a link"):
        save(directory, "link/a")
    if overwrites:
        save(directory, "file")
        assert not (inner / "file").is_symlink()
    else:
        with pytest.raises(NotWritten, match="exists already"):
            save(directory, "file")
    assert (outside / "file").read_bytes() == b"precious"
    assert names_in(outside) == {"file"}


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    save(Directory(path=tmp_path / "link"), "a/b")
    assert (tmp_path / "real/a/b").read_bytes() == b"data"


def test_a_file_that_exists_is_replaced_only_if_that_is_allowed(tmp_path: Path) -> None:
    save(Directory(path=tmp_path), "a")
    with pytest.raises(NotWritten, match="a exists already; --overwrite replaces it"):
        save(Directory(path=tmp_path), "a", b"other")
    assert (tmp_path / "a").read_bytes() == b"data"
    save(Directory(path=tmp_path, overwrites=True), "a", b"other")
    assert (tmp_path / "a").read_bytes() == b"other"


@pytest.mark.parametrize("overwrites", [False, True])
def test_what_is_not_complete_leaves_nothing(tmp_path: Path, overwrites: bool) -> None:
    directory = Directory(path=tmp_path, overwrites=overwrites)
    if overwrites:
        save(directory, "a", b"before")
    with pytest.raises(TypeError), directory.file("a") as file:
        file.writelines([b"half", "no bytes"])  # type: ignore[list-item]
    assert names_in(tmp_path) == ({"a"} if overwrites else set())
    if overwrites:
        assert (tmp_path / "a").read_bytes() == b"before"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "directory").mkdir()
    for overwrites in (False, True):
        directory = Directory(path=tmp_path, overwrites=overwrites)
        for name in ("file/a", "directory"):
            with pytest.raises(NotWritten):
                save(directory, name)
        with pytest.raises(NotWritten, match="cannot be saved: No space left"), directory.file("b"):
            raise OSError(28, "No space left on device")
    assert names_in(tmp_path) == {"file", "directory"}
