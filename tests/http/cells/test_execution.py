"""What clients get of a program: its files, whose names may be anything, or why it was stopped."""

from __future__ import annotations

from typing import Any

import pytest

from sagecell_tx.http.cells.execution import FileAddresses, content, late_sentence, new_files
from sagecell_tx.http.serving.clients import Clients
from tests.http.asking import asking


def test_nobody_is_asked() -> None:
    asked = content("1", {"a": "b"})
    assert (asked["code"], asked["user_expressions"]) == ("1", {"a": "b"})
    assert asked["allow_stdin"] is False


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ([{"new_files": ["a", 1]}, {"new_files": ["b"]}], ["a", 1, "b"]),
        ([{"new_files": "a"}, {}, 5, None], []),
        ("new_files", []),
        (None, []),
    ],
)
def test_files_in_a_reply(payload: Any, names: list[object]) -> None:
    assert new_files({"payload": payload}) == names
    assert new_files({}) == []


def test_addresses() -> None:
    request = asking(headers={"host": b"cells.example"}).request
    addresses = FileAddresses(clients=Clients(proxies=()), most=4, baseurl="/cells")
    names = ["a/ä b.txt", "../a", 5, "", "beyond"]
    url = "http://cells.example/cells/kernel/id/files/a/%C3%A4%20b.txt"
    assert addresses.of(request, "id", names) == {"a/ä b.txt": url}


def test_a_late_program_is_told_its_time() -> None:
    assert "within 1 second and" in late_sentence(1.0)
    assert "within 2.5 seconds and" in late_sentence(2.5)
