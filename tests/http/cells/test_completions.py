"""Editors without a kernel get completions from the completer."""

from __future__ import annotations

import json
from typing import Any

from sagecell_tx.http.cells.completions import WAITING
from sagecell_tx.sessions.completion.completer import EACH, MOST, PATIENCE
from sagecell_tx.testing.hosts import MemoryHost
from tests.http.loopback import Answer, Connection, request
from tests.http.world import SiteTests

ORIGIN = ("Origin", "https://book.example")

#: As a trusted proxy on this machine sends it.
ELSEWHERE = ("X-Forwarded-For", "192.0.2.7")

FOUND = {"status": "ok", "matches": ["print"], "cursor_start": 4, "cursor_end": 7, "metadata": {}}


def question(kind: str = "complete_request", **content: Any) -> bytes:
    asked = content or {"code": "x = pri", "cursor_pos": 7, "mode": "sage"}
    return json.dumps({"header": {"msg_id": "c1", "msg_type": kind}, "content": asked}).encode()


class CompletionTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        self.world.host = MemoryHost()
        self.world.__attrs_post_init__()

    def asking(self, body: bytes, headers: tuple[tuple[str, str], ...] = (ORIGIN,)) -> Connection:
        """A request that the completer has not answered yet."""
        connection = self.world.connect()
        connection.send(request("POST", "/complete", headers, body))
        return connection

    def answer(self, connection: Connection) -> Answer:
        connection.pump()
        answer = connection.answer("POST")
        connection.hang_up()
        return answer

    def test_a_question_and_its_reply(self) -> None:
        """contract: 7.7"""
        asking = self.asking(question())
        (sent,) = self.world.host.latest.sent
        assert sent.parsed_content()["code"] == "x = pri"
        self.world.host.latest.finish(sent, FOUND)
        answer = self.answer(asking)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
        assert answer.headers["cache-control"] == "no-store"
        reply = answer.json
        assert reply["msg_type"] == "complete_reply"
        assert reply["parent_header"]["msg_id"] == "c1"
        assert reply["content"] == FOUND

    def test_an_explanation_in_the_old_shape(self) -> None:
        """contract: 7.7, T1"""
        asking = self.asking(question("object_info_request", oname="print", detail_level=0))
        kernel = self.world.host.latest
        assert kernel.sent[0].msg_type == "sagecell.inspect_request"
        told = {"status": "ok", "found": True, "data": {"text/plain": "prints"}, "metadata": {}}
        kernel.reply(kernel.sent[0], told)
        reply = self.answer(asking).json
        assert reply["msg_type"] == "object_info_reply"
        assert reply["content"]["docstring"] == "prints"

    def test_in_another_language_there_is_no_kernel(self) -> None:
        answer = self.ask(
            "POST", "/complete", (), question(code="tayl", cursor_pos=4, mode="maxima")
        )
        assert answer.json["content"]["matches"] == ["taylor"]
        assert self.world.host.kernels == []

    def test_a_kernel_that_says_nothing_is_an_answer_too(self) -> None:
        asking = self.asking(question())
        self.wait(PATIENCE)
        content = self.answer(asking).json["content"]
        assert (content["status"], content["ename"]) == ("error", "no_answer")

    def test_pages_from_elsewhere_may_ask(self) -> None:
        answer = self.ask("OPTIONS", "/complete", [ORIGIN])
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["access-control-allow-methods"] == "POST, GET, OPTIONS, DELETE"

    def test_what_is_no_question(self) -> None:
        for body, word in (
            (b"nonsense", "invalid_json"),
            (b"{}", "invalid_message"),
            (b"", "invalid_json"),
            (question("execute_request", code="1"), "invalid_message"),
            (
                b'{"header": {"msg_id": "c", "msg_type": "complete_request"}, "channel": "iopub"}',
                "unknown_channel",
            ),
        ):
            answer = self.ask("POST", "/complete", [ORIGIN], body)
            assert (answer.status, answer.error) == (400, word)
            assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
        assert self.world.host.kernels == []

    def test_a_program_that_is_too_long(self) -> None:
        longest = question(code="x" * (4 * self.limits.requests.code_characters + 1), cursor_pos=1)
        answer = self.ask("POST", "/complete", [ORIGIN], longest)
        assert (answer.status, answer.error) == (413, "code_too_long")

    def test_any_content_of_a_question_is_answered(self) -> None:
        for content in ({"code": 7, "cursor_pos": "x", "mode": ["r"]}, {"mode": "r"}):
            asking = self.asking(question(**content))
            for sent in list(self.world.host.latest.sent if self.world.host.kernels else []):
                self.world.host.latest.finish(sent, FOUND)
            assert self.answer(asking).status == 200

    def test_questions_of_one_address_are_bounded(self) -> None:
        waiting = [self.asking(question(), (ELSEWHERE,)) for _ in range(WAITING)]
        refused = self.ask("POST", "/complete", [ELSEWHERE, ORIGIN], question())
        assert (refused.status, refused.error) == (429, "too_many_completions")
        assert refused.headers["retry-after"] == "1"
        waiting[0].hang_up()  # is still waited for
        assert self.ask("POST", "/complete", [ELSEWHERE], question()).status == 429
        other = self.asking(question(), (("X-Forwarded-For", "192.0.2.8"),))
        kernel = self.world.host.latest
        # It is asked a few at a time, of each address.
        for sent in kernel.sent:
            kernel.finish(sent, FOUND)
        for asking in (*waiting[1:], other):
            assert self.answer(asking).status == 200
        again = self.asking(question(), (ELSEWHERE,))
        self.world.host.latest.finish(self.world.host.latest.sent[-1], FOUND)
        assert self.answer(again).status == 200

    def test_a_network_of_ipv6_addresses_is_one_asker(self) -> None:
        waiting = [
            self.asking(question(), (("X-Forwarded-For", f"2001:db8::{number:x}"),))
            for number in range(1, WAITING + 1)
        ]
        same, other = ("X-Forwarded-For", "2001:db8::ffff"), ("X-Forwarded-For", "2001:db8:0:1::1")
        assert self.ask("POST", "/complete", [same], question()).status == 429
        waiting.append(self.asking(question(), (other,)))
        assert len(self.world.host.latest.sent) == EACH + 1  # the other one need not wait
        for sent in self.world.host.latest.sent:
            self.world.host.latest.finish(sent, FOUND)
        for asking in waiting:
            assert self.answer(asking).status == 200

    def test_questions_of_all_are_bounded(self) -> None:
        waiting = [self.asking(question()) for _ in range(MOST)]
        assert self.ask("POST", "/complete", (), question()).status == 429
        for asking in waiting:
            asking.hang_up()
