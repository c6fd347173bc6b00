"""One request, one program, and all that came of it."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

from attrs import evolve

from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.limits import (
    AdmissionLimits,
    FileLimits,
    LifetimeLimits,
    Limits,
    MessageLimits,
    Rate,
    RequestLimits,
)
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.testing.hosts import MemoryKernel
from sagecell_tx.wire.messages import SHELL, Message
from tests.http.jupyter.asclient import ALICE, BOB, JupyterTests, refusal
from tests.http.loopback import Answer, Connection, request

LINES = "application/x-ndjson"
EVENTS = "text/event-stream"


class ExecuteTests(JupyterTests):
    limits = Limits(
        requests=RequestLimits(service_output_characters=1000, service_seconds=20),
        lifetime=LifetimeLimits(stop_grace_seconds=1),
        messages=MessageLimits(ping_seconds=5),
    )

    def tearDown(self) -> None:
        """Check that nothing is left of any run."""
        assert len(self.world.fleet) == 0
        assert self.world.host.alive == []
        assert self.world.clock.getDelayedCalls() == []

    def execute(self, code: str, token: str = "", accept: str = "", **fields: Any) -> Answer:
        headers = [("Authorization", f"token {token}")] if token else []
        headers += [("Accept", accept)] if accept else []
        body = json.dumps({"code": code, **fields}).encode()
        return self.ask("POST", "/api/execute", headers, body)

    def told(self, code: str, **fields: Any) -> Any:
        answer = self.execute(code, **fields)
        assert answer.status == 200, answer
        assert answer.headers["content-type"] == "application/json"
        return answer.json

    def begin(self, accept: str = "", token: str = "", **fields: Any) -> Connection:
        """A connection with a request whose program the test runs itself."""
        self.world.host.answering = False
        connection = self.world.connect()
        headers = [("Accept", accept)] if accept else []
        headers += [("Authorization", f"token {token}")] if token else []
        body = json.dumps({"code": "x", **fields}).encode()
        connection.send(request("POST", "/api/execute", headers, body))
        return connection

    def answer_on(self, connection: Connection) -> Answer:
        """The answer that has arrived by now."""
        connection.pump()
        return connection.answer("POST")

    @property
    def kernel(self) -> MemoryKernel:
        return self.world.host.latest

    @property
    def program(self) -> Message:
        """The latest kernel's execute_request."""
        return [each for each in self.kernel.sent if each.msg_type == "execute_request"][-1]


class WholeTests(ExecuteTests):
    def test_output_value_and_use(self) -> None:
        connection = self.begin()
        bundle = {"data": {"text/plain": "42", "text/latex": "$42$"}, "metadata": {"a": 1}}
        self.kernel.stream("a", self.program)
        self.kernel.stream("b\n", self.program)
        self.kernel.stream("oh\n", self.program, "stderr")
        self.kernel.publish("display_data", {**bundle, "transient": {}}, self.program)
        self.kernel.publish("execute_result", {**bundle, "execution_count": 1}, self.program)
        self.wait(2.5)
        self.kernel.finish(self.program, {"status": "ok", "execution_count": 1})
        told = self.answer_on(connection).json
        used = told.pop("used")
        assert told == {
            "kernel_id": self.kernel.kernel_id,
            "status": "ok",
            "execution_count": 1,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": "ab\n"},
                {"output_type": "stream", "name": "stderr", "text": "oh\n"},
                {"output_type": "display_data", **bundle},
                {"output_type": "execute_result", **bundle, "execution_count": 1},
            ],
            "value": bundle,
            "error": None,
            "files": [],
            "truncated": False,
            "cause": None,
            "timeout": 20,
        }
        assert used["seconds"] == 2.5
        assert used["output_bytes"] > 200
        assert used["file_bytes"] == 0
        connection.hang_up()

    def test_an_error(self) -> None:
        told = self.told("print before\nraise \x1b[31moh\x1b[0m")
        assert told["status"] == "error"
        assert told["error"] == {
            "name": "Exception",
            "message": "\x1b[31moh\x1b[0m",
            "traceback": "Exception: oh",
            "traceback_ansi": "Exception: \x1b[31moh\x1b[0m",
        }
        assert [each["output_type"] for each in told["outputs"]] == ["stream", "error"]
        assert told["cause"] is None

    def test_what_a_kernel_is_asked(self) -> None:
        self.told("print 1", language="python")
        assert self.program.parsed_content()["code"] == "print 1"
        assert self.program.parsed_content()["allow_stdin"] is False
        assert json.loads(self.program.metadata) == {
            "language": "python",
            "sagecell": {"wait": True},
        }
        self.told("1 + 'ä\n'", language="gap")
        code = self.program.parsed_content()["code"]
        assert code == "print(gap.eval(\"1 + 'ä\\n'\"))"
        assert json.loads(self.program.metadata)["language"] == "python"
        self.told("")
        assert "language" not in json.loads(self.program.metadata)

    def test_files_are_there_before_the_program_runs(self) -> None:
        data = base64.b64encode(b"\0\xff").decode()
        files = [{"name": "a/ä.txt", "text": "ö"}, {"name": "b.bin", "base64": data}]
        assert self.told("print 1", files=files)["status"] == "ok"
        assert self.kernel.files == {"a/ä.txt": "ö".encode(), "b.bin": b"\0\xff"}
        asked = [each.msg_type for each in self.kernel.sent if each.channel == SHELL]
        assert asked == ["sagecell.write_files_request", "execute_request"]

    def test_files_that_cannot_be_written(self) -> None:
        connection = self.begin(files=[{"name": "a", "text": "b"}])
        (asked,) = self.kernel.sent
        self.kernel.finish(asked, {"status": "error", "evalue": "The disk is full."})
        told = self.answer_on(connection).json
        assert told["status"] == "dead"
        assert told["cause"] == {"reason": "files_not_written", "message": "The disk is full."}
        connection.hang_up()

    def test_files_of_the_program(self) -> None:
        told = self.told("save a/b.png data\nsave c.txt moredata")
        base = f"http://cells.example/kernel/{told['kernel_id']}/files/"
        assert told["files"] == [
            {"name": "a/b.png", "url": f"{base}a/b.png", "media_type": "image/png"},
            {"name": "c.txt", "url": f"{base}c.txt", "media_type": "text/plain; charset=utf-8"},
        ]
        assert told["used"]["file_bytes"] == 12
        assert self.ask("GET", told["files"][1]["url"].removeprefix("http://cells.example")).body

    def test_a_program_that_takes_too_long(self) -> None:
        for fields, seconds in (({}, 20), ({"timeout": 3}, 3), ({"timeout": 1e300}, 20)):
            connection = self.begin(**fields)
            self.kernel.stream("so far", self.program)
            self.wait(seconds - 0.5)
            assert not connection.ear.heard
            self.wait(0.5)
            told = self.answer_on(connection).json
            assert (told["status"], told["timeout"]) == ("timeout", seconds)
            assert told["cause"]["reason"] == "timeout"
            assert f"within {seconds} seconds" in told["cause"]["message"]
            assert told["outputs"][0]["text"] == "so far"
            assert told["used"]["seconds"] == seconds
            connection.hang_up()

    def test_a_kernel_that_dies(self) -> None:
        for how, reason in (
            (Exit(status=0), "crashed"),
            (Exit(status=1), "crashed"),
            (Exit(signal=9, reason="memory"), "memory"),
        ):
            connection = self.begin()
            self.kernel.end(how)
            told = self.answer_on(connection).json
            assert (told["status"], told["cause"]["reason"]) == ("dead", reason)
            assert told["cause"]["message"]
            connection.hang_up()

    def test_a_reply_that_is_none(self) -> None:
        connection = self.begin()
        self.kernel.status("idle", self.program)
        self.kernel.reply(self.program, {"payload": [1] * 500_000})
        told = self.answer_on(connection).json
        assert (told["status"], told["cause"]["reason"]) == ("dead", "invalid_reply")
        connection.hang_up()

    def test_a_program_that_waits_keeps_its_files_once(self) -> None:
        """As many wait as the queue is long: the text that they came in would be as much again, and more."""
        text = "x" * 1_000_000
        tracemalloc.start()
        try:
            connection = self.begin(files=[{"name": "a", "text": text}])
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert 1_000_000 < kept < 1_800_000
        connection.hang_up()

    def test_an_update_of_too_many_displays_is_left_out(self) -> None:
        connection = self.begin()
        self.kernel.status("busy", self.program)
        shown = {"data": {"text/plain": "a"}, "metadata": {}, "transient": {"display_id": "d"}}
        for _ in range(5):
            self.kernel.publish("display_data", shown, self.program)
        # 2,000 bytes at most: five times 700 are too many, though one is not.
        longer = {**shown, "data": {"text/plain": "b" * 700}}
        self.kernel.publish("update_display_data", longer, self.program)
        self.kernel.finish(self.program)
        told = self.answer_on(connection).json
        assert told["truncated"] is True
        assert [each.get("data") for each in told["outputs"]] == [shown["data"]] * 5 + [None]
        assert told["status"] == "ok"
        connection.hang_up()

    def test_long_output_is_cut(self) -> None:
        told = self.told("print " + "x" * 1800 + "\nprint " + "y" * 1800 + "\ndisplay z")
        assert told["truncated"] is True
        assert "".join(each["text"] for each in told["outputs"]).count("y") < 1800
        assert "cut here" in told["outputs"][1]["text"]
        assert told["status"] == "ok"

    def test_a_client_that_disconnects(self) -> None:
        connection = self.begin(timeout=10)
        assert len(self.world.fleet) == 1
        connection.hang_up()
        assert len(self.world.fleet) == 0
        # Also while it waits for a kernel.
        self.world.host.prompt = False
        connection = self.begin()
        connection.hang_up()

    def test_it_is_no_page(self) -> None:
        answer = self.ask("GET", "/api/execute")
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert self.ask("POST", "/api/execute/more").status == 404

    def test_pages_of_other_origins(self) -> None:
        origin = [("Origin", "https://a.example")]
        answer = self.ask("OPTIONS", "/api/execute", origin)
        assert answer.status == 204
        assert "POST" in answer.headers["access-control-allow-methods"]
        for body in (b'{"code": ""}', b"{"):
            answer = self.ask("POST", "/api/execute", origin, body)
            assert answer.headers["access-control-allow-origin"] == "https://a.example"

    def test_who_may_not(self) -> None:
        assert refusal(self.execute("print 1", token="nobody-knows-this")) == (403, "unknown_key")
        assert refusal(self.ask("POST", "/api/execute", (), b"{}")) == (400, "missing_code")
        assert self.world.host.kernels == []


class TermsTests(ExecuteTests):
    terms = Terms(html="Be kind.", required=True)

    def test_terms_have_to_be_accepted(self) -> None:
        assert refusal(self.execute("print 1")) == (403, "terms_not_accepted")
        assert refusal(self.execute("", accepted_tos=False)) == (403, "terms_not_accepted")
        assert self.told("print 1", accepted_tos=True)["status"] == "ok"
        assert self.told("print 1", token=ALICE)["status"] == "ok"


class BudgetTests(ExecuteTests):
    limits = Limits(
        admission=AdmissionLimits(service_kernels=1, queue_length=2, queue_seconds=5),
        files=FileLimits(stored_bytes_per_key=Rate(burst=10, per_minute=1)),
    )

    def test_kernels_are_those_of_the_service(self) -> None:
        holding = self.begin()
        connection = self.world.connect()
        connection.send(request("POST", "/api/execute", (), b'{"code": ""}'))
        self.wait(5)
        assert refusal(self.answer_on(connection)) == (429, "too_many_kernels")
        connection.hang_up()
        holding.hang_up()

    def test_a_stream_tells_its_place_and_its_refusal(self) -> None:
        holding = self.begin()
        connection = self.world.connect()
        connection.send(request("POST", "/api/execute", [("Accept", LINES)], b'{"code": ""}'))
        self.wait(5)
        answer = self.answer_on(connection)
        queued, refused = map(json.loads, answer.body.splitlines())
        assert (answer.status, queued["type"], queued["position"]) == (200, "queued", 1)
        assert (refused["type"], refused["error"]) == ("refused", "too_many_kernels")
        assert refused["message"]
        assert refused["retry_after"] > 0
        connection.hang_up()
        holding.hang_up()

    def test_bytes_of_files_are_counted(self) -> None:
        def send(token: str) -> Answer:
            return self.execute("", token, files=[{"name": "a", "text": "123456"}])

        assert send(ALICE).status == 200
        assert refusal(send(ALICE)) == (429, "too_many_file_bytes")
        assert send(BOB).status == 200


class StreamTests(ExecuteTests):
    def lines(self, answer: Answer) -> list[Any]:
        assert answer.headers["content-type"] == LINES
        return [json.loads(line) for line in answer.body.splitlines()]

    def test_lines_as_it_goes(self) -> None:
        connection = self.begin(LINES)
        data = {"data": {"text/plain": "1"}, "metadata": {}}
        self.kernel.stream("a", self.program)
        connection.pump()
        assert b'"text":"a"' in connection.ear.heard
        transient = {"display_id": "d"}
        self.kernel.publish("display_data", {**data, "transient": transient}, self.program)
        self.kernel.publish("clear_output", {"wait": True}, self.program)
        self.kernel.publish("update_display_data", {**data, "transient": transient}, self.program)
        self.kernel.finish(self.program, {"status": "ok", "execution_count": 1})
        told = self.lines(self.answer_on(connection))
        shown = {"output_type": "display_data", **data}
        stream = {"output_type": "stream", "name": "stdout", "text": "a"}
        assert told[:-1] == [
            {"type": "started", "kernel_id": self.kernel.kernel_id},
            {"type": "output", "output": stream},
            {"type": "output", "output": shown, "display_id": "d"},
            {"type": "clear_output", "wait": True},
            {"type": "update_display", "output": shown, "display_id": "d"},
        ]
        end = told[-1]
        assert (end["type"], end["status"], "outputs" in end) == ("end", "ok", False)
        connection.hang_up()

    def test_server_sent_events(self) -> None:
        answer = self.execute("print 1", accept=EVENTS)
        assert answer.headers["content-type"] == EVENTS
        events = answer.body.decode().strip().split("\n\n")
        names, data = zip(*(each.split("\ndata: ") for each in events), strict=True)
        assert names == ("event: started", "event: output", "event: end")
        assert [json.loads(each)["type"] for each in data] == ["started", "output", "end"]

    def test_the_form_that_is_preferred(self) -> None:
        for accept, kind in (
            ("*/*", "application/json"),
            ("application/json, application/x-ndjson", "application/json"),
            ("application/x-ndjson, */*", LINES),
            ("text/event-stream;q=0.5, application/x-ndjson;q=0.4", EVENTS),
        ):
            assert self.execute("", accept=accept).headers["content-type"] == kind

    def test_more_than_a_whole_answer_may_have(self) -> None:
        answer = self.execute("print " + "x" * 5000, accept=LINES)
        assert answer.body.count(b"x" * 5000) == 1
        assert self.lines(answer)[-1]["truncated"] is False

    def test_a_client_that_disconnects(self) -> None:
        connection = self.begin(LINES)
        self.kernel.stream("a", self.program)
        connection.hang_up()
        assert len(self.world.fleet) == 0

    def test_a_quiet_program(self) -> None:
        for accept, beat in ((LINES, b"\n"), (EVENTS, b":\n\n")):
            connection = self.begin(accept)
            connection.pump()
            connection.ear.forget()
            self.wait(self.limits.messages.ping_seconds)
            connection.pump()
            assert connection.ear.heard.endswith(beat + b"\r\n")  # the end of a chunk
            connection.hang_up()

    def test_a_program_that_takes_too_long(self) -> None:
        connection = self.begin(LINES, timeout=2)
        self.wait(2)
        assert self.lines(self.answer_on(connection))[-1]["status"] == "timeout"
        connection.hang_up()

    def test_a_kernel_that_does_not_start(self) -> None:
        self.world.host.prompt = False
        connection = self.begin(LINES)
        self.kernel.fail()
        assert refusal(self.answer_on(connection)) == (503, "start_failed")
        connection.hang_up()

    def test_nothing_waits_for_more_output(self) -> None:
        for accept in (LINES, EVENTS):
            headers = [("Accept", accept), ("Accept-Encoding", "gzip")]
            answer = self.ask("POST", "/api/execute", headers, b'{"code": "print 1"}')
            assert "content-encoding" not in answer.headers
            assert answer.headers["x-accel-buffering"] == "no"


class SlowReaderTests(ExecuteTests):
    limits = evolve(
        ExecuteTests.limits,
        requests=RequestLimits(service_seconds=20, unread_answer_bytes=1_000_000),
    )

    def test_what_slow_readers_of_lines_keep_is_bounded(self) -> None:
        """Their programs have ended, so that no limit of kernels bounds how many they are."""
        connections = []
        for _ in range(3):
            connection = self.begin(LINES)
            connection.pump()
            connection.server.clogged = True
            data = {"data": {"text/plain": "x" * 200_000}, "metadata": {}}
            self.kernel.publish("display_data", data, self.program)
            self.kernel.finish(self.program, {"status": "ok", "execution_count": 1})
            assert len(self.world.fleet) == 0
            connections.append(connection)
        assert [each.server.aborted for each in connections] == [True, False, False]
        connections[0].pump()
        assert 800_000 < self.world.web.answers.unread < 1_000_000
        for connection in connections[1:]:
            connection.server.clogged = False
            assert self.answer_on(connection).body.endswith(b"}\n")
            connection.hang_up()
        assert self.world.web.answers.unread == 0

    def test_characters_that_are_long_as_json_count_as_that(self) -> None:
        connection = self.begin(LINES)
        connection.pump()
        connection.server.clogged = True
        self.kernel.stream("\U0001f600" * 50_000, self.program)
        assert connection.server.aborted
        connection.pump()
        assert self.world.web.answers.unread == 0


class IdempotencyTests(ExecuteTests):
    limits = Limits(requests=RequestLimits(kept_answer_seconds=60))

    def test_the_same_key_has_the_same_answer(self) -> None:
        first = self.told("print 1", token=ALICE, idempotency_key="k")
        assert self.told("print 1", token=ALICE, idempotency_key="k") == first
        assert len(self.world.host.kernels) == 1
        lines = self.execute("print 1", ALICE, LINES, idempotency_key="k").body.splitlines()
        assert [json.loads(each)["type"] for each in lines] == ["output", "end"]
        assert json.loads(lines[1])["kernel_id"] == first["kernel_id"]

    def test_an_answer_in_lines_is_kept_as_well(self) -> None:
        lines = self.execute("print 1", ALICE, LINES, idempotency_key="k").body.splitlines()
        told = self.told("print 1", token=ALICE, idempotency_key="k")
        assert told["kernel_id"] == json.loads(lines[0])["kernel_id"]
        assert [each["text"] for each in told["outputs"]] == ["1\n"]

    def test_a_key_counts_for_one_token(self) -> None:
        first = self.told("print 1", token=ALICE, idempotency_key="k")
        second = self.told("print 2", token=BOB, idempotency_key="k")
        assert first["kernel_id"] != second["kernel_id"]

    def test_a_key_without_a_token(self) -> None:
        answer = self.execute("print 1", idempotency_key="k")
        assert refusal(answer) == (400, "idempotency_key_without_token")
        assert self.world.host.kernels == []

    def test_a_key_for_something_else(self) -> None:
        self.told("print 1", token=ALICE, idempotency_key="k", timeout=5)
        for other in ({"code": "print 2"}, {"timeout": 6}, {"files": [{"name": "a", "text": ""}]}):
            fields = {"code": "print 1", "timeout": 5, "idempotency_key": "k", **other}
            answer = self.call("POST", "/execute", fields, ALICE)
            assert refusal(answer) == (409, "idempotency_key_reused")
        assert len(self.world.host.kernels) == 1

    def test_a_key_in_use(self) -> None:
        connection = self.begin(token=ALICE, idempotency_key="k")
        answer = self.execute("x", ALICE, idempotency_key="k")
        assert refusal(answer) == (409, "idempotency_key_in_use")
        assert answer.headers["retry-after"] == "1"
        connection.hang_up()
        # Its client has left without an answer: the key is free again.
        self.world.host.answering = True
        assert self.told("x", token=ALICE, idempotency_key="k")["status"] == "ok"

    def test_a_refusal_is_not_kept(self) -> None:
        self.world.host.prompt = False
        connection = self.begin(token=ALICE, idempotency_key="k")
        self.kernel.fail()
        assert self.answer_on(connection).status == 503
        connection.hang_up()
        self.world.host.prompt = self.world.host.answering = True
        assert self.told("x", token=ALICE, idempotency_key="k")["status"] == "ok"

    def test_it_expires(self) -> None:
        first = self.told("print 1", token=ALICE, idempotency_key="k")
        self.wait(59)
        assert self.told("print 1", token=ALICE, idempotency_key="k") == first
        self.wait(1)
        assert self.told("print 1", token=ALICE, idempotency_key="k") != first


class PrefixTests(ExecuteTests):
    baseurl = "/cells"

    def test_addresses_have_the_prefix(self) -> None:
        answer = self.call("POST", "/execute", {"code": "save a.txt b"})
        (file,) = answer.json["files"]
        assert file["url"].startswith("http://cells.example/cells/kernel/")
