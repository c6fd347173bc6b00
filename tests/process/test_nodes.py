"""Where the servers of one machine find one another."""

from __future__ import annotations

from pathlib import Path

from sagecell_tx.process.nodes import Nodes, keeper_of, worker_number


def test_a_server_without_a_number_has_the_root_and_no_others(tmp_path: Path) -> None:
    for node in (1, 2):
        up(Nodes(tmp_path, node))
    alone = Nodes(tmp_path)
    assert alone.directory(0) == tmp_path
    assert alone.control(0) == tmp_path / "relay" / "control"
    assert (alone.others, alone.all) == ([], [1, 2])


def up(nodes: Nodes) -> None:
    """Make the sockets of a node, or files in their place."""
    nodes.control(nodes.own).parent.mkdir(parents=True)
    nodes.control(nodes.own).touch()


def test_the_others_are_those_with_a_socket(tmp_path: Path) -> None:
    first, second = Nodes(tmp_path, 1), Nodes(tmp_path, 12)
    assert first.others == []
    up(first)
    assert (first.others, second.others) == ([], [1])
    up(second)
    (tmp_path / "0003").mkdir()
    (tmp_path / "k-00000005" / "relay").mkdir(parents=True)
    assert (first.others, second.others) == ([12], [1])
    assert first.forward(12) == tmp_path / "0012" / "relay" / "forward"


def test_each_sees_which_drains(tmp_path: Path) -> None:
    first, second = Nodes(tmp_path, 1), Nodes(tmp_path, 2)
    up(first)
    assert not second.is_draining(1)
    first.mark_draining()
    assert second.is_draining(1)
    assert not second.is_draining(2)


def test_a_path_is_absolute(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Nodes(Path("kernels"), 1).directory(1) == tmp_path / "kernels" / "0001"


def test_a_keeper_and_its_workers_have_numbers_of_their_own(tmp_path: Path) -> None:
    assert [worker_number(number, 1) for number in (0, 1, 98)] == [9901, 101, 9801]
    assert [keeper_of(number) for number in (9902, 116, 9801)] == [0, 1, 98]
    first, second = Nodes(tmp_path, 101, 2), Nodes(tmp_path, 202, 2)
    for nodes in (first, Nodes(tmp_path, 102, 2), second, Nodes(tmp_path, 3)):
        up(nodes)
    assert (first.peers, second.peers, Nodes(tmp_path, 3).peers) == ([102], [201], [])
    assert (first.others, first.strangers) == ([3, 102, 202], [3, 202])
    assert first.keepers == []
    first.keeper(1).parent.mkdir(parents=True)
    first.keeper(1).touch()
    assert (first.keepers, first.all) == ([1], [3, 101, 102, 202])
    assert [Nodes(tmp_path, node, 2).is_first for node in (101, 102)] == [True, False]
    assert first.keeper(0) == tmp_path / "relay" / "keeper"


def test_a_key_belongs_to_one_worker_whoever_is_asked(tmp_path: Path) -> None:
    workers = [Nodes(tmp_path, number, 3) for number in (101, 102, 103)]
    keys = [f"key-{number}".encode() for number in range(30)]
    owners = [{worker.owner(key) for worker in workers} for key in keys]
    assert all(len(each) == 1 for each in owners)
    assert set.union(*owners) == {101, 102, 103}
