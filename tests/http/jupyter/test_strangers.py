"""Two strangers on one server: neither sees, joins or shares the other's kernel, by any verb."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from twisted.web.resource import Resource

from sagecell_tx.http.apispec.document import document
from sagecell_tx.limits import RequestLimits

from .asclient import ALICE, BOB, NOBODY, JupyterTests

#: Bodies that a stranger who knows the path of another's notebook may send.
BODIES: list[dict[str, Any] | None] = [
    None,
    {},
    {"path": "a.ipynb", "name": "a", "type": "notebook"},
    {"path": "a.ipynb", "name": "a", "type": "notebook", "kernel": {"name": "python3"}},
    {"path": "a.ipynb", "type": "notebook", "kernel": {"id": None}},
    {"notebook": {"path": "a.ipynb"}, "kernel": {"id": ""}},
    {"kernel_id": NOBODY, "name": "python3", "path": "a.ipynb"},
]

QUERIES = ["", "?path=a.ipynb", "?kernel_id=*", "?token=", "?1764460800000", "?session_id="]


#: What a stranger can guess in the place of a name or an id.
NAMES = ("", "*", "python3", "a.ipynb", "alice", NOBODY, "%2e%2e")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

#: A program in one request; only one path takes it.
PROGRAM = {"code": "print 1", "language": "python", "idempotency_key": "k"}


#: Paths that need no token, and know nobody.
OPEN = ("/status", "/spec.json", "/contents", "/terminals")


def paths() -> dict[str, set[str]]:
    """Every path below ``/api`` that the OpenAPI document has, and its methods."""
    return {
        path.removeprefix("/api"): {each.upper() for each in item} & {*METHODS}
        for path, item in document(RequestLimits(), "")["paths"].items()
    }


def addresses() -> Iterator[tuple[str, str, bool]]:
    """Every method and path, with names that a stranger can guess, and whether there is such an operation."""
    for path, methods in paths().items():
        for name in NAMES if "{" in path else ("",):
            for method in METHODS:
                yield method, re.sub(r"\{\w+\}", name, path), method in methods


class StrangersTests(JupyterTests):
    def setUp(self) -> None:
        super().setUp()
        self.mine = self.open("a.ipynb", kernel={"name": "python3"})
        self.alices = self.open("a.ipynb", ALICE)
        self.secrets = [
            each
            for model in (self.mine, self.alices)
            for each in (model["id"], model["kernel"]["id"])
        ]
        self.kernels = self.world.host.alive

    def untouched(self) -> None:
        """Both kernels are as they were."""
        assert all(kernel in self.world.host.alive for kernel in self.kernels)
        for kernel in self.kernels:
            assert (kernel.interrupts, kernel.killed) == (0, False)
        for model in (self.mine, self.alices):
            assert self.call("GET", f"/sessions/{model['id']}").json == model

    def test_the_document_has_all_that_is_below_api(self) -> None:
        """Its operations are compared with the routes in apispec/test_document.py; here the families of URLs."""
        api = cast(Resource, self.world.site.resource).children[b"api"]
        assert api.children
        for name in api.children:
            assert f"/{name.decode()}" in paths()

    def test_no_answer_has_an_id_of_theirs_and_no_request_reaches_them(self) -> None:
        for method, path, exists in addresses():
            bodies = [*BODIES, PROGRAM] if method != "GET" and exists else [None]
            for token in ("", BOB):
                for query in QUERIES if exists else [""]:
                    for body in bodies:
                        self.try_out(method, path + query, body, token)
            self.untouched()

    def try_out(self, method: str, path: str, body: dict[str, Any] | None, token: str) -> None:
        """Send one request, whose answer must tell nothing of the others."""
        answer = self.call(method, path, body, token)
        told = answer.body.decode() + json.dumps(answer.headers)
        assert not [each for each in self.secrets if each in told], (method, path)
        if answer.status == 201:
            self.end(answer.headers["location"])

    def test_no_websocket_reaches_them(self) -> None:
        upgrade = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("Sec-WebSocket-Version", "13"),
        ]
        for _, path, exists in addresses():
            for token in ("", f"?token={BOB}", "?session_id="):
                answer = self.ask("GET", f"/api{path}{token}", upgrade)
                assert answer.status != 101
                assert answer.status == 404 or "/channels" not in path or not exists
        self.untouched()

    def end(self, location: str) -> None:
        """End what a request has started, so that there is room for the next."""
        assert self.ask("DELETE", location).status == 204

    def test_a_token_that_is_unknown_gets_nothing(self) -> None:
        for method, path, exists in addresses():
            answer = self.call(method, path, {}, token="alice")
            # These know nobody: the version, the load, the document, and what there is not.
            if exists and not path.startswith(OPEN) and path:
                assert answer.status in (403, 404, 405), (method, path)
        self.untouched()
        assert len(self.world.host.alive) == 2

    def test_ids_are_random(self) -> None:
        """The ids of this world are not, those of a server are."""
        from sagecell_tx.assembly.identifiers import new_id

        ids = {new_id() for _ in range(100)}
        assert len(ids) == 100
        assert {each[14] for each in ids} == {"4"}  # random UUIDs, of version 4
