"""The recipes for proxies, with the proxies themselves, let valid requests through."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from sagecell_tx.http.connections.strict import ADDRESS
from tests.integration.servers import Server, free_port
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
OURS = "127.0.0.1:8888"


def nginx(directory: Path, port: int, server: Server) -> list[str]:
    """Write the recipe, without TLS, for this port and server; returns the command."""
    recipe = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    recipe = recipe.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    recipe = re.sub(r"^ *ssl_.*$", "", recipe, flags=re.MULTILINE)
    recipe = recipe.replace(OURS, f"127.0.0.1:{server.port}")
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"{each}_temp_path {directory}/{each};\n" for each in places)
    path = directory / "nginx.conf"
    path.write_text(
        f"pid {directory}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{own}{recipe}}}\n",
        encoding="utf-8",
    )
    alone = "daemon off; master_process off;"
    return ["nginx", "-p", str(directory), "-e", "stderr", "-c", str(path), "-g", alone]


def haproxy(directory: Path, port: int, server: Server) -> list[str]:
    """See `nginx`. There is only one server behind it."""
    recipe = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    recipe = re.sub(r"bind :443 ssl crt \S+", f"bind 127.0.0.1:{port}", recipe)
    recipe = re.sub(r"^ *server two .*$", "", recipe, flags=re.MULTILINE)
    path = directory / "haproxy.cfg"
    path.write_text(recipe.replace(OURS, f"127.0.0.1:{server.port}"), encoding="utf-8")
    return ["haproxy", "-db", "-f", str(path)]


PROXIES = {"nginx": nginx, "haproxy": haproxy}


@contextmanager
def proxied(name: str, server: Server) -> Iterator[str]:
    """Runs the proxy; yields its URL."""
    port = free_port()
    command = PROXIES[name](server.directory, port, server)
    with (server.directory / name).open("wb") as log:
        proxy = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            assert proxy.poll() is None, (server.directory / name).read_text()
            try:
                return requests.options(f"{url}/permalink", timeout=60).ok
            except requests.ConnectionError:
                return False

        until(answers)
        yield url
    finally:
        proxy.terminate()
        proxy.wait(60)


@pytest.mark.parametrize("name", PROXIES)
def test_the_longest_address_gets_through(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    with Server(permalinks_only=True) as server, proxied(name, server) as proxy:
        for url in (server.url, proxy):
            path = "/permalink?q="
            path += "x" * (ADDRESS - len(path))
            headers = {"X-Long": "x" * 1000, "Cookie": "x" * 4000}
            longest = requests.get(url + path, headers=headers, timeout=60)
            assert (longest.status_code, longest.text[:12]) == (404, "ID not found")
            longer = requests.get(f"{url}{path}x", timeout=60)
            assert (longer.status_code, longer.json()["error"]) == (414, "address_too_long")
        code = "a=1;print(a)"
        saved = requests.post(
            f"{proxy}/permalink",
            data=f"code={code}".encode(),
            timeout=60,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ).json()
        found = requests.get(f"{proxy}/permalink", params={"q": saved["query"]}, timeout=60)
        assert found.json()[0] == code
        for url in (server.url, proxy):
            far = requests.get(f"{url}/?q={'x' * 200_000}", timeout=60)
            assert far.status_code in (400, 414)
