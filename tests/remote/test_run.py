"""A run on a server that says what the test wants, from the request to the exit status."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from attrs import define, field
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from typing_extensions import override

from sagecell_tx.remote.run import DIED, LATE, NOT_RUN, Order, RemoteRun, read_files
from sagecell_tx.remote.saving import Directory
from sagecell_tx.remote.terminal import Terminal
from tests.remote.test_terminal import Screen

BASE = "https://cells.example/prefix"
END: dict[str, Any] = {
    "type": "end",
    "kernel_id": "k1",
    "status": "ok",
    "error": None,
    "cause": None,
    "files": [],
}


@define(eq=False)
class Server(Resource):
    """Answers with `lines`, or refuses with `status` and `body`; has `files` by their paths."""

    lines: list[Any] = field(factory=list)
    files: dict[str, bytes] = field(factory=dict)
    status: int = 200
    body: bytes = b""
    hangs: bool = False
    moved_to: str = ""
    asked: list[Request] = field(factory=list)
    bodies: list[Any] = field(factory=list)

    isLeaf = True  # noqa: N815

    def __attrs_post_init__(self) -> None:
        super().__init__()

    @override
    def render(self, request: Request) -> Any:
        self.asked.append(request)
        assert request.content is not None
        path = request.uri.decode()
        if self.moved_to and self.moved_to not in path:
            request.redirect(self.moved_to.encode())
            return b""
        if request.method == b"GET":
            data = self.files.get(path.removeprefix("/prefix"))
            request.setResponseCode(404 if data is None else 200)
            return data or b'{"error": "unknown_file", "message": "There is no such file."}'
        assert path == "/prefix/api/execute"
        self.bodies.append(json.loads(request.content.read()))
        if self.status != 200:
            request.setResponseCode(self.status)
            return self.body
        for line in self.lines:
            request.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        if self.hangs:
            return NOT_DONE_YET
        request.finish()
        return NOT_DONE_YET


def stream(text: str) -> dict[str, Any]:
    output = {"output_type": "stream", "name": "stdout", "text": text}
    return {"type": "output", "output": output}


class RunTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.clock = Clock()
        self.out, self.err = io.StringIO(), Screen()

    def begin(self, server: Server, order: Order | None = None, **fields: Any) -> Deferred[int]:
        self.http = StubTreq(server)
        run = RemoteRun(
            server=f"{BASE}/",
            order=order or Order(code="1"),
            terminal=Terminal(out=self.out, err=self.err),
            clock=self.clock,
            http=self.http,
            **fields,
        )
        done = Deferred.fromCoroutine(run.run())
        self.http.flush()
        return done

    def status(self, server: Server, order: Order | None = None, **fields: Any) -> int:
        status: int = self.successResultOf(self.begin(server, order, **fields))
        assert self.clock.getDelayedCalls() == []
        return status

    def said(self) -> str:
        """The sentences of our own, without the line of progress."""
        return self.err.getvalue().replace("\r\x1b[K", "")

    def test_output_and_success(self) -> None:
        server = Server(lines=[{"type": "started", "kernel_id": "k1"}, stream("a\n"), b"\n", END])
        assert self.status(server) == 0
        assert self.out.getvalue() == "a\n"
        assert self.said() == ""
        (request,) = server.asked
        assert request.getHeader("accept") == "application/x-ndjson"
        assert request.getHeader("authorization") is None
        assert server.bodies == [{"code": "1"}]

    def test_what_is_sent(self) -> None:
        order = Order(
            code="2",
            language="r",
            files=[("a", b"\0")],
            timeout=1.5,
            idempotency_key="k",
            accepts_terms=True,
        )
        server = Server(lines=[END])
        assert self.status(server, order, token="secret") == 0
        assert server.bodies == [
            {
                "code": "2",
                "language": "r",
                "files": [{"name": "a", "base64": "AA=="}],
                "timeout": 1.5,
                "idempotency_key": "k",
                "accepted_tos": True,
            }
        ]
        assert server.asked[0].getHeader("authorization") == "Bearer secret"

    def test_exit_statuses(self) -> None:
        def error(name: str, message: str) -> dict[str, Any]:
            return {"status": "error", "error": {"name": name, "message": message}}

        cause = {"reason": "memory", "message": "It needs too much memory."}
        for fields, status in (
            (error("ValueError", "3"), 1),
            (error("SystemExit", "3"), 3),
            (error("SystemExit", "256"), 1),
            (error("SystemExit", "300"), 44),
            (error("SystemExit", "-1"), 255),
            (error("SystemExit", "sorry"), 1),
            ({"status": "timeout", "cause": cause}, LATE),
            ({"status": "dead", "cause": cause}, DIED),
        ):
            assert self.status(Server(lines=[{**END, **fields}])) == status, fields
        assert self.said().count("sagecell-tx: It needs too much memory.\n") == 2

    def test_refusals(self) -> None:
        for status, body, sentence in (
            (429, b'{"message": "Too many.", "error": "x"}', "Too many."),
            (502, b"<html>", "The server answered with status 502."),
            (500, b"[]", "The server answered with status 500."),
        ):
            assert self.status(Server(status=status, body=body)) == NOT_RUN
            assert self.said().endswith(f"sagecell-tx: {sentence}\n")

    def test_a_refusal_after_the_queue(self) -> None:
        lines = [
            {"type": "queued", "position": 3},
            {"type": "refused", "error": "too_many_kernels", "message": "Too many."},
        ]
        assert self.status(Server(lines=lines)) == NOT_RUN
        assert "[waiting for a kernel, place 3, 0 s]" in self.err.getvalue()
        assert self.said().endswith("sagecell-tx: Too many.\n")

    def test_an_answer_that_is_none(self) -> None:
        for lines, sentence in (
            ([b"<html>\n"], "is not JSON"),
            # In memory these would take fifty times as much.
            ([b'{"a":[%b1]}\n' % (b"{}," * 400_000), END], "has too many values"),
            ([stream("a\n")], "connection was lost"),
            ([b"[1]\n", b'{"type": "new"}\n', b'{"type": "output"}\n'], "connection was lost"),
        ):
            assert self.status(Server(lines=lines)) == NOT_RUN
            assert sentence in self.said()

    def test_files_are_saved(self) -> None:
        named = [{"name": name, "url": "http://elsewhere.example/"} for name in ("a/ä b.txt", "c")]
        server = Server(
            lines=[{**END, "files": [*named, {"url": "x"}, 5]}],
            files={"/kernel/k1/files/a/%C3%A4%20b.txt": b"data", "/kernel/k1/files/c": b"2"},
        )
        assert self.status(server, directory=Directory(path=self.folder), token="secret") == 0
        assert (self.folder / "a/ä b.txt").read_bytes() == b"data"
        assert (self.folder / "c").read_bytes() == b"2"
        assert f"saved {self.folder}/c\n" in self.said()
        # Who may run programs is not told to who serves files.
        assert [each.getHeader("authorization") for each in server.asked[1:]] == [None, None]
        assert self.status(server) == 0  # without a directory
        assert len(server.asked) == 4

    def test_files_that_are_not_saved(self) -> None:
        files = [{"name": name} for name in ("../a", "b", "c")]
        lines = [{**END, "files": files}]
        server = Server(lines=lines, files={"/kernel/k1/files/c": b"2"})
        assert self.status(server, directory=Directory(path=self.folder)) == NOT_RUN
        assert {each.name for each in self.folder.iterdir()} == {"c"}
        assert "b: There is no such file." in self.said()
        assert "'../a' is not saved" in self.said()
        # What the program itself says is more important.
        server.lines[0] |= {"status": "error", "error": {"name": "SystemExit", "message": "7"}}
        assert self.status(server, directory=Directory(path=self.folder)) == 7

    def test_redirects_are_not_followed(self) -> None:
        """They may lead to any address that this machine reaches, and that the server does not."""
        server = Server(moved_to="http://169.254.169.254/")
        assert self.status(server) == NOT_RUN
        assert "is now at http://169.254.169.254/" in self.said()
        assert len(server.asked) == 1
        files = {"/kernel/k1/files/a": b"1"}
        server = Server(lines=[{**END, "files": [{"name": "a"}]}], files=files, moved_to="execute")
        assert self.status(server, directory=Directory(path=self.folder)) == NOT_RUN
        assert "a: The server is now at execute" in self.said()
        assert len(server.asked) == 2
        assert [*self.folder.iterdir()] == []

    def test_a_refusal_without_end(self) -> None:
        server = Server(status=500, body=b'{"message": "' + b"x" * 10**6 + b'"}')
        assert self.status(server) == NOT_RUN
        assert self.said().endswith("The server answered with status 500.\n")

    def test_names_that_are_no_text(self) -> None:
        lines = [{**END, "kernel_id": "\ud800", "files": [{"name": "a"}, {"name": "\ud800"}]}]
        server = Server(lines=lines)
        assert self.status(server, directory=Directory(path=self.folder)) == NOT_RUN
        assert "There is no such file." in self.said()

    def test_progress(self) -> None:
        done = self.begin(Server(lines=[{"type": "started", "kernel_id": "k"}], hangs=True))
        self.clock.pump([1, 1])
        assert "[running, 1 s]" in self.err.getvalue()
        assert self.err.getvalue().endswith("[running, 2 s]")
        done.cancel()
        assert self.err.getvalue().endswith("\r\x1b[K")
        assert self.clock.getDelayedCalls() == []
        self.failureResultOf(done)

    def test_files_to_send(self) -> None:
        self.folder.mkdir()
        (self.folder / "a.csv").write_bytes(b"1")
        path = str(self.folder / "a.csv")
        assert read_files([path, f"data/b.csv={path}"]) == [("a.csv", b"1"), ("data/b.csv", b"1")]
