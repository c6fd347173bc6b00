"""Jupyter's clients from npm and PyPI, unmodified: the part of each that uses the REST interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.servers import Server
from tests.jupyter.programs import PYTHON, TALK, TOKEN, gateway_client_of, node, seen

pytestmark = pytest.mark.jupyter


def services(server: Server, token: str) -> Any:
    """What ``@jupyterlab/services`` saw."""
    return seen(node(), "services.mjs", f"{server.url}/", token)


def kernel_client(server: Server, token: str) -> Any:
    """What ``jupyter_kernel_client`` saw."""
    return seen(str(PYTHON), "kernelclient.py", server.url, token)


SERVICES = {
    "default": "python3",
    "names": ["python3"],
    "started": True,
    "gone": True,
    "path": "b.ipynb",
    "unknown": [404, "Session not found: session_id='0-0-0-0-0'"],
    "cobol": [404, "No such kernel named cobol"],
}


def test_services_with_a_token(server: Server) -> None:
    assert services(server, TOKEN) == {**SERVICES, "listed": [True], "isSame": True, "sessions": 1}


def test_services_without_a_token(server: Server) -> None:
    assert services(server, "") == {**SERVICES, "listed": [], "isSame": False, "sessions": 0}


def test_services_talks_with_a_kernel(server: Server) -> None:
    assert seen(node(), "talk.mjs", f"{server.url}/") == TALK


def test_kernel_client_talks_with_a_kernel(server: Server) -> None:
    assert seen(str(PYTHON), "kerneltalk.py", server.url) == {
        "hello": ["ok", "42\n"],
        "displays": True,
        "text": 10_000_000,
        "restarted": "False\n",
    }


def test_nbclient_runs_a_notebook_through_a_gateways_client(server: Server) -> None:
    assert seen(str(PYTHON), "notebook.py", server.url) == [
        ["stream", "42\n"],
        [
            "execute_result",
            {"text/markdown": "*42*", "text/plain": "<IPython.core.display.Markdown object>"},
        ],
        ["stream", "to stderr\n"],
        ["error", "ZeroDivisionError"],
        ["execute_result", {"text/plain": "('goes on', 42)"}],
    ]


def test_papermill_runs_a_notebook_through_a_gateways_client(
    server: Server, tmp_path: Path
) -> None:
    assert seen(str(PYTHON), "parameters.py", server.url, str(tmp_path)) == {
        "failed": "ZeroDivisionError",
        "outputs": [
            ["stream", "42\n"],
            [
                "execute_result",
                {"text/markdown": "*42*", "text/plain": "<IPython.core.display.Markdown object>"},
            ],
            ["error", "ZeroDivisionError"],
        ],
    }


def test_kernel_client(server: Server) -> None:
    for token, listed in ((TOKEN, [True]), ("", [])):
        assert kernel_client(server, token) == {
            "name": "python3",
            "alive": True,
            "listed": listed,
            "left": [],
        }


@pytest.fixture
def gateway_client(server: Server, tmp_path: Path) -> Iterator[str]:
    """The URL of a Jupyter Server whose kernels run here."""
    with gateway_client_of(server, "jupyter_server", tmp_path) as url:
        yield url


def test_jupyter_server_as_a_gateways_client(server: Server, gateway_client: str) -> None:
    def ask(method: str, path: str, body: object = None) -> requests.Response:
        return requests.request(method, f"{gateway_client}{path}", json=body, timeout=60)

    specs = ask("GET", "/api/kernelspecs").json()
    assert (specs["default"], list(specs["kernelspecs"])) == ("python3", ["python3"])
    logo = ask("GET", specs["kernelspecs"]["python3"]["resources"]["logo-svg"])
    assert (logo.status_code, logo.headers["content-type"]) == (200, "image/svg+xml")
    wanted = {"path": "a.ipynb", "name": "a", "type": "notebook", "kernel": {"name": "python3"}}
    session = ask("POST", "/api/sessions", wanted)
    assert session.status_code == 201, session.text
    kernel = session.json()["kernel"]["id"]
    assert [each["id"] for each in ask("GET", "/api/kernels").json()] == [kernel]
    headers = {"Authorization": f"token {TOKEN}"}
    here = requests.get(f"{server.url}/api/kernels", headers=headers, timeout=60).json()
    assert [each["id"] for each in here] == [kernel]
    assert ask("POST", f"/api/kernels/{kernel}/interrupt").status_code == 204
    assert ask("DELETE", f"/api/sessions/{session.json()['id']}").status_code == 204
    here = requests.get(f"{server.url}/api/kernels", headers=headers, timeout=60).json()
    assert here == []
