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
OURS, SECOND = "127.0.0.1:8888", "127.0.0.2:8888"


def nginx(directory: Path, port: int, server: Server, second: Server | None = None) -> list[str]:
    """Write the recipe, without TLS, for this port and server; returns the command.

    With a second server, the recipe of several servers as well.
    """
    recipe = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    if second is not None:
        nodes = (DEPLOY / "nginx-nodes.conf").read_text(encoding="utf-8")
        instead = "\n".join(re.findall(r"^#     (proxy_.*;)$", nodes, flags=re.MULTILINE))
        assert instead.count(";") == 2
        recipe = recipe.replace(f"proxy_pass http://{OURS};", instead)
        recipe = f"{nodes.replace(SECOND, f'127.0.0.1:{second.port}')}\n{recipe}"
    recipe = recipe.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    recipe = recipe.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
    recipe = re.sub(r"^ *ssl_.*$", "", recipe, flags=re.MULTILINE)
    return nginx_with(recipe, directory, server)


def nginx_with(recipe: str, directory: Path, server: Server) -> list[str]:
    """Write a recipe for this server; returns the command."""
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


def haproxy(directory: Path, port: int, server: Server, second: Server | None = None) -> list[str]:
    """See `nginx`. There may be a second server behind it."""
    recipe = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    recipe = re.sub(r"bind :443 ssl crt \S+", f"bind 127.0.0.1:{port}", recipe)
    if server.permalinks_only:
        recipe = recipe.replace(
            "option httpchk GET /status.json?ready=1", "option httpchk OPTIONS /"
        )
    if second is None:
        recipe = re.sub(r"^ *(use-)?server two .*$", "", recipe, flags=re.MULTILINE)
    else:
        recipe = recipe.replace(SECOND, f"127.0.0.1:{second.port}")
    path = directory / "haproxy.cfg"
    path.write_text(recipe.replace(OURS, f"127.0.0.1:{server.port}"), encoding="utf-8")
    return ["haproxy", "-db", "-f", str(path)]


PROXIES = {"nginx": nginx, "haproxy": haproxy}


@contextmanager
def proxied(name: str, *servers: Server) -> Iterator[str]:
    """Runs the proxy; yields its URL."""
    port, server = free_port(), servers[0]
    command = PROXIES[name](server.directory, port, *servers)
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


def test_haproxy_keeps_jupyters_clients_at_the_server_of_their_kernel() -> None:
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy is not installed")
    token = {"Authorization": "token the-token-of-a-school"}
    keys = {"school": "the-token-of-a-school"}
    with (
        Server(keys=keys) as one,
        Server(keys=keys) as two,
        proxied("haproxy", one, two) as proxy,
    ):

        def ask(method: str, path: str, body: object = None, **headers: str) -> requests.Response:
            return requests.request(
                method, f"{proxy}/api/{path}", json=body, headers=headers, timeout=60
            )

        paths = [f"kernels/{ask('POST', 'kernels').json()['id']}" for _ in range(2)]
        for name in "ab":
            session = ask("POST", "sessions", {"path": name, "type": "notebook"}).json()
            paths += [f"sessions/{session['id']}", f"kernels/{session['kernel']['id']}"]
        for server in (one, two):
            assert requests.get(f"{server.url}/api/status", timeout=60).json()["kernels"] == 2
        for _ in range(3):
            assert {ask("GET", path).status_code for path in paths} == {200}
        # What belongs to a token is together.
        started = {ask("POST", "kernels", **token).json()["id"] for _ in range(3)}
        for _ in range(3):
            assert {each["id"] for each in ask("GET", "kernels", **token).json()} == started


def test_nginx_has_http2_and_a_redirect_from_port_80(tmp_path: Path) -> None:
    for program in ("nginx", "openssl", "curl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    plain, secure = free_port(), free_port()
    certificate, key = tmp_path / "cells.pem", tmp_path / "cells.key"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "rsa:2048",
            "-subj",
            "/CN=localhost",
            *files,
        ],
        check=True,
        capture_output=True,
    )
    recipe = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for ours, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{secure} "),
        ("/etc/ssl/certs/cells.example.org.pem", str(certificate)),
        ("/etc/ssl/private/cells.example.org.key", str(key)),
    ):
        assert ours in recipe
        recipe = recipe.replace(ours, here)
    shown = "%{http_code} %{http_version} %{redirect_url}"
    ask = ["curl", "-sk", "--max-time", "60", "-o", "/dev/null", "-w", shown]
    with Server(permalinks_only=True) as server:
        command = nginx_with(recipe, server.directory, server)
        proxy = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            first = [*ask, f"http://127.0.0.1:{plain}/?q=a%20b"]
            wanted = "301 1.1 https://cells.example.org/?q=a%20b"
            until(lambda: subprocess.run(first, capture_output=True, text=True).stdout == wanted)
            second = [*ask, f"https://127.0.0.1:{secure}/permalink?q=nope"]
            told = subprocess.run(second, capture_output=True, text=True, check=True).stdout
            assert told == "404 2 "
        finally:
            proxy.terminate()
            proxy.wait(60)
