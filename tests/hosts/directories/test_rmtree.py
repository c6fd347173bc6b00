"""Removal of trees that only an attacker would make."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sagecell_tx.hosts.directories.rmtree import GivenUp, NotRemoved, remove
from tests.hosts.directories.digging import dig

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount and forbid itself")


@pytest.fixture
def tree(tmp_path):
    made = tmp_path / "tree"
    made.mkdir()
    return made


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_files_directories_links_sockets_and_pipes(tree):
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    (tree / "a" / "link").symlink_to("/")
    (tree / "a" / "dangling").symlink_to("nowhere")
    os.mkfifo(tree / "a" / "b" / "pipe")
    os.link(tree / "a" / "file", tree / "a" / "b" / "again")
    os.mkdir(os.fsencode(tree) + b"/\xff\n")
    before = descriptors()
    remove(tree)
    assert not tree.exists()
    assert tree.parent.exists()
    assert descriptors() == before


def test_deeper_than_a_path_is_long(tree):
    """Also several directories at each level, so that the way down is not the only one."""
    dig(tree, 3000, beside=3)
    before = descriptors()
    remove(tree)
    assert not tree.exists()
    assert descriptors() == before


def test_the_work_grows_as_the_tree_does(tree):
    """A directory is entered once, however deep it is and however many are beside it."""
    asked = []
    for depth, beside in ((100, 0), (200, 0), (100, 1)):
        tree.mkdir(exist_ok=True)
        dig(tree, depth, beside=beside)
        entries = 0

        def wanted() -> bool:
            nonlocal entries
            entries += 1
            return True

        remove(tree, wanted)
        asked.append(entries)
    assert asked == [100, 200, 300]


def test_what_is_outside_stays(tree, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir(mode=0o500)
    (tree / "inner").mkdir()
    (tree / "inner" / "link").symlink_to(precious)
    (tree / "link").symlink_to(precious, target_is_directory=True)
    remove(tree)
    assert precious.stat().st_mode & 0o777 == 0o500


def test_a_link_in_place_of_the_tree_is_not_followed(tree, tmp_path):
    (tree / "file").write_text("x")
    link = tmp_path / "link"
    link.symlink_to(tree)
    with pytest.raises(NotRemoved, match="Not a directory"):
        remove(link)
    assert (tree / "file").exists()


def test_nothing_there_is_no_error(tree):
    remove(tree / "none")
    remove(tree / "none" / "at" / "all")


def test_a_tree_that_is_moved_away_meanwhile_takes_nobody_else_along(tree, tmp_path):
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_text("x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a").mkdir()

    def wanted() -> bool:
        if (tree / "a" / "b").exists() and not (tree / "a" / "b" / "file").exists():
            (tree / "a" / "b").rename(elsewhere / "b")
        return True

    (tree / "a" / "b" / "file2").write_text("x")
    with pytest.raises(NotRemoved, match="moved away"):
        remove(tree, wanted)
    assert (elsewhere / "a").exists()


def test_whoever_waits_for_it_may_give_up(tree):
    for number in range(10):
        (tree / str(number)).write_text("x")
    answers = iter([True] * 4 + [False])
    before = descriptors()
    with pytest.raises(GivenUp):
        remove(tree, lambda: next(answers))
    assert len(list(tree.iterdir())) == 6
    assert descriptors() == before


def as_nobody(function: Callable[[], None]) -> str:
    """What a process without privileges prints after it has called `function`."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            function()
            os.write(write_end, b"done")
        except BaseException as error:
            os.write(write_end, str(error).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as told:
        answer = told.read().decode()
    os.waitpid(pid, 0)
    return answer


@pytest.fixture
def open_tree():
    """A path where an account without privileges can make a tree."""
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    base.chmod(0o777)
    yield base / "tree"
    if (base / "tree").exists():
        remove(base / "tree")
    base.rmdir()


def test_locked_directories_without_privileges(open_tree):
    def lock_and_remove() -> None:
        inner = open_tree / "a" / "b"
        inner.mkdir(parents=True)
        (inner / "file").write_text("x")
        inner.chmod(0)
        inner.parent.chmod(0o500)
        open_tree.chmod(0o300)
        remove(open_tree)

    assert as_nobody(lock_and_remove) == "done"
    assert not open_tree.exists()


@root_only
def test_what_is_somebody_elses_stays_and_the_rest_goes(open_tree):
    (open_tree / "theirs").mkdir(parents=True)
    (open_tree / "theirs").chmod(0o755)
    (open_tree / "theirs" / "file").write_text("x")
    (open_tree / "mine").mkdir()
    os.chown(open_tree, 65534, 65534)
    os.chown(open_tree / "mine", 65534, 65534)
    told = as_nobody(lambda: remove(open_tree))
    assert told == "3 could not be removed, the first of them 'file': Permission denied"
    assert [path.name for path in open_tree.iterdir()] == ["theirs"]


@root_only
def test_what_is_mounted_in_it_is_not_emptied(tree, tmp_path):
    """Not even a bind mount of the same file system."""
    precious, inner = tmp_path / "precious", tree / "inner"
    precious.mkdir()
    inner.mkdir()
    (precious / "file").write_text("x")
    subprocess.run(["mount", "--bind", precious, inner], check=True)
    try:
        with pytest.raises(NotRemoved, match="'inner': something is mounted there"):
            remove(tree)
        assert (precious / "file").exists()
    finally:
        subprocess.run(["umount", inner], check=True)
    remove(tree)
    assert not tree.exists()
