"""Asking a server for its status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from typing_extensions import override

from sagecell_tx.cli import main
from sagecell_tx.commands.status import NoStatus, StatusRequest


@define(eq=False)
class StatusServer(Resource):
    """Answers everything with `status` and `body`; None: not at all."""

    status: int = 200
    body: bytes | None = b"{}"
    asked: list[tuple[str, str | None]] = field(factory=list)

    isLeaf = True  # noqa: N815

    def __attrs_post_init__(self) -> None:
        super().__init__()

    @override
    def render(self, request: Request) -> Any:
        self.asked.append((request.uri.decode(), request.getHeader("authorization")))
        request.setResponseCode(self.status)
        return NOT_DONE_YET if self.body is None else self.body


class RequestTests(SynchronousTestCase):
    def ask(self, server: StatusServer, url: str = "http://h:1", token: str = "") -> Deferred[Any]:
        self.clock, http = Clock(), StubTreq(server)
        request = StatusRequest(server=url, token=token, http=http, clock=self.clock)
        done = Deferred.fromCoroutine(request.fields())
        http.flush()
        return done

    def why_not(self, server: StatusServer) -> str:
        return str(self.failureResultOf(self.ask(server), NoStatus).value)

    def test_the_public_status_and_that_of_the_admin_page(self) -> None:
        server = StatusServer(body=b'{"version": "1"}')
        assert self.successResultOf(self.ask(server)) == {"version": "1"}
        for url in ("http://h:1", "http://h:1/", "http://h:1/admin"):
            assert self.successResultOf(self.ask(server, url, "secret")) == {"version": "1"}
        self.successResultOf(self.ask(server, "http://h:1/cells/"))
        assert server.asked == [
            ("/status.json", None),
            *[("/admin/status.json", "Bearer secret")] * 3,
            ("/cells/status.json", None),
        ]

    def test_a_refusal_is_told_in_its_own_words(self) -> None:
        body = json.dumps({"error": "wrong_token", "message": "This is not the token."})
        server = StatusServer(status=401, body=body.encode())
        assert self.why_not(server) == "This is not the token."

    def test_what_is_no_status(self) -> None:
        for status, body in ((200, b"<html>"), (200, b"[]"), (502, b""), (302, b"{}")):
            why = self.why_not(StatusServer(status=status, body=body))
            assert why == f"The server answered {status}: is it a sagecell-tx server?"
        assert self.why_not(StatusServer(body=b" " * (5 << 20))) == "The answer is too long."

    def test_a_server_that_does_not_answer(self) -> None:
        done = self.ask(StatusServer(body=None))
        self.clock.advance(10)
        assert "h:1" in str(self.failureResultOf(done, NoStatus).value)


def test_what_is_no_url(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("cells.example", "ftp://cells.example", "http://"):
        with pytest.raises(SystemExit) as end:
            main(["status", url])
        assert end.value.code == 2
        assert "is not a URL" in capsys.readouterr().err


def test_a_token_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing"
    assert main(["status", "--token-file", str(missing), "http://localhost:1"]) == 1
    assert f"{missing}: No such file" in capsys.readouterr().err
