"""The count of a directory's files, a few entries at a time."""

from __future__ import annotations

import os
import shutil

import pytest

from sagecell_tx.hosts.directories import rmtree
from sagecell_tx.kernelside.monitor.diskuse import ENTRY, DiskUse
from tests.hosts.directories.digging import dig

MIB = 1 << 20


@pytest.fixture
def count(tmp_path):
    """Makes a counter for the test's directory."""
    made = []

    def make(most: float, where=tmp_path) -> DiskUse:
        made.append(DiskUse(root=os.open(where, os.O_RDONLY | os.O_DIRECTORY), most=most))
        return made[-1]

    yield make
    for each in made:
        each.close()
    with os.scandir("/proc/self/fd") as entries:
        held = [os.readlink(entry) for entry in entries if os.path.lexists(entry)]
    assert not any(path.startswith(str(tmp_path)) for path in held)
    rmtree.remove(tmp_path)  # which pytest could not


def exceeds(use: DiskUse, steps: int = 10_000_000) -> bool:
    """The result of a whole count."""
    while not (found := use.exceeds(steps)) and use.under_way:
        pass
    return found


def test_blocks_and_entries(count, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "big").write_bytes(b"x" * 3 * MIB)
    (tmp_path / "elsewhere").symlink_to("/usr")
    assert not exceeds(count(4 * MIB))
    assert exceeds(count(2 * MIB))
    for number in range(300):
        (tmp_path / str(number)).touch()
    assert exceeds(count(4 * MIB))
    assert not exceeds(count(4 * MIB + 300 * ENTRY))


def test_an_entry_beyond_any_number_that_is_looked_at_at_once(count, tmp_path):
    """Empty files, however many, must not hide a large file from the count."""
    for number in range(20_100):
        os.mknod(tmp_path / str(number))
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "big").write_bytes(b"x" * 20 * MIB)
    use = count(20_100 * ENTRY + 10 * MIB)
    looks = 1
    while not use.exceeds(1000):
        assert use.under_way
        looks += 1
    assert looks == 21
    use.most = 20_100 * ENTRY + 30 * MIB
    assert not exceeds(use)


def test_a_look_does_no_more_than_it_was_given(count, tmp_path):
    for number in range(100):
        (tmp_path / str(number)).touch()
    use = count(MIB)
    for _ in range(2):  # a new count
        assert not use.exceeds(60)
        assert use.under_way
        assert not use.exceeds(60)
        assert not use.under_way
    (tmp_path / "big").write_bytes(b"x" * 2 * MIB)
    assert exceeds(use, 10)


def test_deeper_than_a_path_is_long(count, tmp_path):
    dig(tmp_path, 3000, beside=1)
    entries = 9000 * ENTRY + 6000 * 4096
    assert not exceeds(count(2 * entries), 100)
    assert exceeds(count(entries // 2), 100)


def test_what_takes_too_much_to_count_is_too_much(count, tmp_path):
    dig(tmp_path, 20)
    for number in range(20):
        (tmp_path / str(number)).mkdir()
    for deepest, most_waiting, found in ((21, 21, False), (20, 21, True), (21, 20, True)):
        use = count(MIB)
        use.deepest, use.most_waiting = deepest, most_waiting
        assert exceeds(use, 7) is found


@pytest.mark.parametrize("how", ["moved", "removed"])
def test_a_directory_that_goes_away_while_it_is_counted(count, tmp_path, how):
    """At any step: the count continues with the rest, and ends."""
    for stop in range(40):
        base = tmp_path / f"base-{stop}"
        (base / "a" / "x" / "y").mkdir(parents=True)
        (base / "b").mkdir()
        (base / "b" / "big").write_bytes(b"x" * 2 * MIB)
        (base / "c" / "z").mkdir(parents=True)
        use = count(MIB, where=base)
        found = use.exceeds(stop)
        for gone in (base / "a" / "x", base / "c"):
            if how == "moved":
                gone.rename(tmp_path / f"{gone.name}-{stop}")
            else:
                shutil.rmtree(gone)
        assert found or exceeds(use, 1)


def test_a_program_that_never_stops_moving_directories_does_not_get_away(count, tmp_path):
    """The tree changes at each step of the count, which still ends, by its limit of steps."""
    first, second = tmp_path / "first", tmp_path / "second"
    for base in (first, second):
        base.mkdir()
    dig(first, 50)
    use = count(MIB)
    looks = 0
    while not use.exceeds(1) and looks < 20_000:
        looks += 1
        if (first / "d").exists():
            (first / "d").rename(second / "d")
        else:
            (second / "d").rename(first / "d")
        if not use.under_way:
            break
    assert looks < 20_000
