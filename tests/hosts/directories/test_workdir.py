"""Kernels' directories."""

import itertools
import os
import subprocess

import pytest
from twisted.logger import LogLevel, capturedLogs

from sagecell_tx.config import Config, ConfigError
from sagecell_tx.hosts.directories.workdir import WorkDirs
from tests.hosts.directories.digging import dig


@pytest.fixture
def root(tmp_path_factory):
    # Short: sockets live below it.
    return tmp_path_factory.mktemp("w") / "kernels"


def directories(root):
    numbers = itertools.count()
    return WorkDirs(root, lambda: f"{next(numbers):08x}")


def test_each_kernel_has_a_private_directory_with_its_two_parts(root):
    dirs = directories(root)
    dirs.open()
    made = dirs.make()
    assert sorted(path.name for path in made.iterdir()) == ["ipc", "work"]
    assert {made.stat().st_mode & 0o777, (made / "work").stat().st_mode & 0o777} == {0o700}
    assert dirs.make() != made
    dirs.close()


def test_the_servers_own_sockets_have_a_place_that_no_kernel_enters(root):
    dirs = directories(root)
    dirs.open()
    assert dirs.relays.stat().st_mode & 0o777 == 0o700
    (dirs.relays / "00000000-1").write_text("")
    dirs.close()
    dirs.open()
    assert not list(dirs.relays.iterdir())
    longest = dirs.make() / "ipc" / "k-5"
    assert len(str(dirs.relays / f"{longest.parent.parent.name}-5")) <= len(str(longest))
    dirs.close()
    assert not dirs.relays.exists()


def test_what_a_crash_left_is_swept_and_nothing_else(root):
    first = directories(root)
    first.open()
    left = first.make()
    (left / "work" / "file").write_text("x")
    first.close()
    (root / "notes.txt").write_text("an operator's")
    second = directories(root)
    assert second.open() == [left]
    assert second.remove(left)
    assert not left.exists()
    assert (root / "notes.txt").exists()
    second.close()


def test_two_servers_do_not_share_a_root(root):
    first, second = directories(root), directories(root)
    first.open()
    left = first.make()
    with pytest.raises(ConfigError, match="in use by another server"):
        second.open()
    assert left.exists()
    first.close()
    second.open()
    second.close()


def test_two_servers_do_not_share_their_kernels_user_ids(root):
    def numbered(node):
        config = Config(work_dir=str(root), node=node)
        return WorkDirs(config.kernels_dir, lambda: "0", config.accounts_lock)

    first, second, fifth = (numbered(node) for node in (1, 2, 5))
    first.open()
    second.open()
    with pytest.raises(ConfigError, match="another server here has the same user ids"):
        fifth.open()
    assert not fifth.taken
    first.close()
    fifth.open()
    with pytest.raises(ConfigError, match="the same user ids"):
        first.open()
    fifth.close()
    second.close()
    assert Config(work_dir=str(root)).accounts_lock is None


def test_a_root_too_long_for_sockets_is_refused_before_anything_is_made(tmp_path):
    long = tmp_path / ("x" * 100)
    with pytest.raises(ConfigError, match="too long a path"):
        directories(long).open()
    assert not long.exists()


def test_a_root_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"work_dir: .*Not a directory"):
        directories(tmp_path / "file" / "kernels").open()


def test_removal_follows_no_link_out(root, tmp_path):
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("x")
    dirs = directories(root)
    dirs.open()
    made = dirs.make()
    (made / "work" / "link").symlink_to(outside)
    (made / "work" / "file").symlink_to(outside / "file")
    dirs.remove(made)
    assert not made.exists()
    assert (outside / "file").read_text() == "x"
    dirs.close()


def test_removal_insists_when_a_program_locked_its_directories(root):
    dirs = directories(root)
    dirs.open()
    made = dirs.make()
    inner = made / "work" / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    os.chmod(inner, 0)
    os.chmod(inner.parent, 0o500)
    dirs.remove(made)
    assert not made.exists()
    dirs.close()


def test_a_tree_deeper_than_any_path_is_removed_at_the_end_and_by_the_next_server(root):
    dirs = directories(root)
    dirs.open()
    for made in (dirs.make(), dirs.make()):
        dig(made / "work", 3000)
    dirs.remove(made)
    assert not made.exists()
    dirs.close()
    again = directories(root)
    (left,) = again.open()
    again.remove(left)
    assert not left.exists()
    again.close()


def test_a_server_that_is_refused_takes_nothing_from_the_one_that_is_there(root):
    first = directories(root)
    first.open()
    (first.relays / "00000000-1").write_text("")
    for _ in range(2):
        with pytest.raises(ConfigError, match="in use by another server"):
            directories(root).open()
    assert [path.name for path in first.relays.iterdir()] == ["00000000-1"]
    first.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can forbid itself to remove a file")
def test_what_cannot_be_removed_is_said_and_keeps_no_server_from_starting(root):
    dirs = directories(root)
    dirs.open()
    for made in (dirs.make(), dirs.make()):
        (made / "work" / "file").write_text("x")
    mount = ["mount", "--bind", root, made / "work"]
    subprocess.run(mount, check=True)
    try:
        dirs.close()
        again = directories(root)
        with capturedLogs() as events:
            assert sorted(map(again.remove, again.open())) == [False, True]
        (said,) = [event for event in events if event["log_level"] == LogLevel.error]
        assert "2 could not be removed, the first of them 'work'" in said["why"]
        again.close()
    finally:
        subprocess.run(["umount", made / "work"], check=True)


def test_removing_twice_is_harmless(root):
    dirs = directories(root)
    dirs.open()
    made = dirs.make()
    assert dirs.remove(made)
    assert dirs.remove(made)
    assert not made.exists()
    dirs.close()


def test_kernels_with_accounts_pass_through_all_that_is_made(root):
    before = os.umask(0o077)
    try:
        dirs = directories(root / "0002")
        dirs.open()
        dirs.close()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (root, root / "0002")} == {0o711}
