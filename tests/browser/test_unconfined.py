"""The server's own page where programs are not confined: it runs them, and only when its reader says so."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.browser.reader import Reader
from tests.integration.servers import Server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server without a sandbox, instead of the one that other tests share."""
    with Server(ready=1, sandbox="none") as shared:
        yield shared


def starts(server: Server) -> int:
    return server.log().count('"POST /kernel')


def test_the_page_runs_programs(reader: Reader) -> None:
    reader.visit()
    assert reader.run("print(6*7)") == "done"
    assert reader.text(".sagecell_stdout") == "42"


def test_a_link_shows_its_program_until_its_reader_evaluates_it(
    reader: Reader, server: Server
) -> None:
    before = starts(server)
    reader.visit(f"/?c={quote('print(6*7)')}")
    assert reader.program == "print(6*7)"
    reader.one(".sagecell_evalButton").click()
    assert reader.until_over() == "done"
    assert reader.text(".sagecell_stdout") == "42"
    assert starts(server) == before + 1
