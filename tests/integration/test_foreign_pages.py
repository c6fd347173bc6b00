"""Pages of strangers, at a server whose programs nothing confines."""

from __future__ import annotations

import pytest
import requests

from tests.integration.servers import Server

pytestmark = pytest.mark.integration


def test_a_page_that_is_open_in_a_browser_runs_no_program_in_the_account_of_its_reader():
    with Server(sandbox="none") as server:
        statuses = [
            # As a page sends it without asking first: such a request needs no preflight.
            requests.post(
                f"{server.url}/api/execute",
                data='{"code": "print(6*7)"}',
                headers={"Content-Type": "text/plain", **headers},
                timeout=60,
            ).status_code
            for headers in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://evil.example", "Host": "evil.example"},
                {"Origin": server.url},
                {},
            )
        ]
        assert statuses == [403, 403, 403, 200, 200]
