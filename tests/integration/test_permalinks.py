"""Permalinks on one server, and on two: one runs programs, the other stores its permalinks."""

from __future__ import annotations

import pytest
import requests

from tests.integration.servers import Server

pytestmark = pytest.mark.integration

PROGRAM = {"code": "print('héllo')", "language": "python", "interacts": '[{"n": 3}]'}


def test_a_server_keeps_its_permalinks_with_another():
    """contract: 1.17, T4"""
    with (
        Server(permalinks_only=True) as links,
        Server(permalinks=f"{links.url}/") as cells,
    ):
        assert links.web.children() == []
        assert not (links.state / "kernels").exists()
        saved = requests.post(f"{cells.url}/permalink", data=PROGRAM, timeout=60).json()
        for place in (links.url, f"{links.url}/permalink", f"{cells.url}/permalink"):
            found = requests.get(place, params={"q": saved["query"]}, timeout=60)
            assert found.json() == list(PROGRAM.values())
        page = requests.get(cells.url, params={"q": saved["query"]}, timeout=60)
        assert "print('h\\u00e9llo')" in page.text
        missed = requests.get(f"{cells.url}/permalink", params={"q": "unknown"}, timeout=60)
        assert (missed.status_code, missed.text) == (404, "ID not found in permalink database")

        assert links.stop() == 0
        away = requests.get(f"{cells.url}/permalink", params={"q": saved["query"]}, timeout=60)
        assert (away.status_code, away.json()["error"]) == (503, "store_unavailable")
        program = {"code": "print(6*7)", "permalink": "true"}
        ran = requests.post(f"{cells.url}/service", data=program, timeout=60).json()
        assert ran["stdout"] == "42\n"
        assert ran["permalink"]["error"] == "permalinks_off"


def test_a_program_is_found_by_the_link_of_its_run():
    with Server() as server:
        program = {"code": "print('héllo')", "permalink": "true"}
        ran = requests.post(f"{server.url}/service", data=program, timeout=60).json()
        assert ran["stdout"] == "héllo\n"
        page = requests.get(f"{server.url}{ran['permalink']['address']}", timeout=60)
        assert "print('h\\u00e9llo')" in page.text
