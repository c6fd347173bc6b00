"""Where the servers of one machine find one another."""

from __future__ import annotations

from pathlib import Path

from sagecell_tx.process.nodes import Nodes


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
