"""The document describes every route, and nothing else; real answers are as it says."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from klein import Klein
from openapi_spec_validator import validate

from sagecell_tx.http.apispec.document import document
from sagecell_tx.http.apispec.route import ApiSpec
from sagecell_tx.http.execute.route import Execute
from sagecell_tx.http.jupyter.api import JupyterApi
from sagecell_tx.limits import RequestLimits
from tests.http.jupyter.asclient import ALICE, NOBODY, JupyterTests
from tests.http.loopback import Answer, request

SPEC = document(RequestLimits(), "")
METHODS = {"get", "post", "put", "patch", "delete"}


def described() -> set[tuple[str, str]]:
    return {
        (method, path) for path, item in SPEC["paths"].items() for method in item.keys() & METHODS
    }


def routed() -> set[tuple[str, str]]:
    apps: dict[str, Klein] = {
        "/api": JupyterApi.app,
        "/api/execute": Execute.app,
        "/api/spec.json": ApiSpec.app,
    }
    return {
        (method.lower(), mount + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.rstrip("/")))
        for mount, app in apps.items()
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_it_is_valid() -> None:
    validate(SPEC)
    identifiers = [SPEC["paths"][path][method]["operationId"] for method, path in described()]
    assert len(set(identifiers)) == len(identifiers)


def test_every_route_is_described_and_nothing_else() -> None:
    assert described() == routed()


@pytest.mark.parametrize("baseurl", ["", "/cells"])
def test_the_address_of_the_server(baseurl: str) -> None:
    assert document(RequestLimits(), baseurl)["servers"] == [{"url": baseurl or "/"}]


def test_its_limits_are_the_servers() -> None:
    limits = RequestLimits(code_characters=7, execute_files=3)
    fields = document(limits, "")["components"]["schemas"]["Submission"]["properties"]
    assert fields["code"]["maxLength"] == 7
    assert fields["files"]["maxItems"] == 3


def check(answer: Answer, method: str, path: str) -> None:
    """Check that an answer is one that is described."""
    responses = SPEC["paths"][path][method]["responses"]
    assert str(answer.status) in responses, answer
    content = responses[str(answer.status)].get("content")
    if content is None:
        assert answer.body == b""
        return
    schema = content[answer.headers["content-type"]]["schema"]
    lines = (
        answer.body.splitlines() if "ndjson" in answer.headers["content-type"] else [answer.body]
    )
    for line in lines:
        jsonschema.validate(json.loads(line), {**schema, "components": SPEC["components"]})


class AnswersTests(JupyterTests):
    def ask_for(self, method: str, path: str, body: Any = None, /, **names: str) -> Answer:
        answer = self.call(method.upper(), path.format(**names), body, ALICE)
        check(answer, method, f"/api{path}")
        return answer

    def test_nothing_is_mounted_beside_that_is_not_described(self) -> None:
        (api,) = [each for each in self.world.served if isinstance(each, JupyterApi)]
        assert {type(each) for each in api.beside} == {Execute, ApiSpec}

    def test_it_is_served(self) -> None:
        answer = self.ask_for("get", "/spec.json")
        assert answer.json == SPEC
        assert answer.headers["content-type"] == "application/json"

    def test_what_jupyters_clients_get(self) -> None:
        for path in ("", "/me", "/status", "/kernelspecs", "/kernels", "/sessions"):
            self.ask_for("get", path)
        self.ask_for("get", "/kernelspecs/{name}", name="python3")
        kernel_id = self.ask_for("post", "/kernels", {"name": "python3"}).json["id"]
        self.ask_for("get", "/kernels/{kernel_id}", kernel_id=kernel_id)
        self.ask_for("post", "/kernels/{kernel_id}/interrupt", kernel_id=kernel_id)
        fields = {"path": "a.ipynb", "name": "", "type": "notebook", "kernel": {"id": kernel_id}}
        session_id = self.ask_for("post", "/sessions", fields).json["id"]
        for path in ("/kernels", "/sessions"):
            self.ask_for("get", path)
        self.ask_for("patch", "/sessions/{session_id}", {"name": "b"}, session_id=session_id)
        self.ask_for("delete", "/sessions/{session_id}", session_id=session_id)
        for method, path in described():
            if "{" in path:
                names = dict.fromkeys(("name", "kernel_id", "session_id", "path"), NOBODY)
                self.ask_for(method, path.removeprefix("/api"), {}, **names)
        for path in ("/kernels", "/sessions"):
            self.ask_for("post", path, {"name": 5})

    def test_what_comes_of_programs(self) -> None:
        for body in (
            {"code": "print 1\ndisplay 2\nsave a b"},
            {"code": "raise oh"},
            {"code": "exit 1"},
            {"code": 5},
            {"code": "", "idempotency_key": "k"},
            {"code": "1", "idempotency_key": "k"},
        ):
            self.ask_for("post", "/execute", body)

    def test_lines(self) -> None:
        for code in ("print 1\ndisplay 2", "exit 1"):
            connection = self.world.connect()
            body = json.dumps({"code": code}).encode()
            headers = [("Accept", "application/x-ndjson")]
            connection.send(request("POST", "/api/execute", headers, body))
            check(connection.answer("POST"), "post", "/api/execute")
            connection.hang_up()
