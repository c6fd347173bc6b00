"""SockJS with one frame in each response: xhr, jsonp, and the requests that send messages."""

from __future__ import annotations

import json

from twisted.internet.address import IPv4Address

from sagecell_tx.http.sockjs.connection import AT_ONCE
from sagecell_tx.limits import Limits, SockJSLimits
from tests.http.loopback import request

from .sockjsing import ServiceTests
from .test_routes import NOT_CACHED

FORM = ("Content-Type", "application/x-www-form-urlencoded")


class XhrTests(ServiceTests):
    def test_there_and_back(self) -> None:
        """contract: 1.21"""
        answer = self.post("/000/a/xhr", b"", ("Origin", "http://book.example"))
        assert (answer.status, answer.body) == (200, b"o\n")
        assert answer.headers["content-type"] == "application/javascript; charset=UTF-8"
        assert answer.headers["cache-control"] == NOT_CACHED
        assert answer.headers["access-control-allow-origin"] == "http://book.example"
        sent = self.post("/000/a/xhr_send", b'["x"]')
        assert (sent.status, sent.body) == (204, b"")
        assert sent.headers["content-type"] == "text/plain; charset=UTF-8"
        assert sent.headers["cache-control"] == NOT_CACHED
        assert self.poll("a") == b'a["x"]\n'

    def test_a_poll_waits_for_news(self) -> None:
        self.poll("a")
        waiting = self.open_request("POST", "/000/a/xhr")
        assert waiting.ear.heard == b""
        self.say("a", "one")
        waiting.pump()
        assert waiting.answer("POST").body == b'a["one"]\n'

    def test_all_that_waits_comes_at_once(self) -> None:
        self.poll("a")
        for number in range(5):
            self.say("a", str(number))
        assert self.poll("a") == b'a["0","1","2","3","4"]\n'

    def test_many_messages(self) -> None:
        self.poll("a")
        words = [str(number) for number in range(2 * AT_ONCE + 1)]
        self.say("a", *words)
        assert json.loads(self.poll("a")[1:]) == words

    def test_messages_for_nobody(self) -> None:
        """contract: 1.21"""
        answer = self.post("/000/unknown/xhr_send", b'["x"]')
        assert (answer.status, answer.error) == (404, "not_found")

    def test_what_is_no_message(self) -> None:
        self.poll("a")
        for body, sentence in {
            b'["x': "Broken JSON encoding.",
            b"": "Payload expected.",
            b"[1]": "Broken JSON encoding.",
            b"{}": "Broken JSON encoding.",
            b'["\xff"]': "Broken JSON encoding.",
            b"[" * 100_000: "Broken JSON encoding.",
        }.items():
            answer = self.post("/000/a/xhr_send", body)
            assert (answer.status, answer.body) == (500, sentence.encode())
        self.say("a", "still here")
        assert self.poll("a") == b'a["still here"]\n'

    def test_the_content_type_does_not_matter(self) -> None:
        self.poll("a")
        kinds = ["text/plain", "T", "application/json", "application/xml", "", "text/xml"]
        kinds += ["application/json; charset=utf-8", "text/xml; charset=utf-8"]
        for kind in kinds:
            answer = self.post("/000/a/xhr_send", b'["a"]', ("Content-Type", kind))
            assert (answer.status, answer.body) == (204, b"")
        assert self.poll("a") == b"a[" + b",".join([b'"a"'] * len(kinds)) + b"]\n"

    def test_unsafe_characters_are_escaped(self) -> None:
        """contract: 1.21"""
        unsafe = [*range(0x200C, 0x2010), *range(0x2028, 0x2030), *range(0x2060, 0x2070)]
        unsafe += range(0xFFF0, 0x10000)
        text = "".join(map(chr, unsafe))
        self.poll("a")
        self.say("a", text)
        escaped = "".join(f"\\u{code:04x}" for code in unsafe)
        assert self.poll("a") == f'a["{escaped}"]\n'.encode()

    def test_halves_of_characters_survive(self) -> None:
        self.poll("a")
        self.post("/000/a/xhr_send", rb'["\ud800x\udc00\u0000"]')
        assert self.poll("a") == b'a["\\ud800x\\udc00\\u0000"]\n'


class ReceivingTests(ServiceTests):
    def test_only_one_may_wait(self) -> None:
        """contract: 1.21"""
        self.poll("a")
        first = self.open_request("POST", "/000/a/xhr")
        assert self.poll("a") == b'c[2010,"Another connection still open"]\n'
        self.say("a", "for the first")
        first.pump()
        assert first.answer("POST").body == b'a["for the first"]\n'

    def test_who_hangs_up_has_lost_its_connection(self) -> None:
        self.poll("a")
        self.open_request("POST", "/000/a/xhr").hang_up()
        assert self.post("/000/a/xhr_send", b'["x"]').status == 404
        assert self.poll("a") == b'c[1002,"Connection interrupted"]\n'
        self.wait(self.limits.sockjs.disconnect_seconds)
        assert self.poll("a") == b"o\n"

    def test_who_does_not_come_back_is_forgotten(self) -> None:
        self.poll("a")
        self.wait(self.limits.sockjs.disconnect_seconds - 0.1)
        self.say("a", "in time")
        self.wait(0.1)
        assert self.post("/000/a/xhr_send", b'["x"]').status == 404
        assert self.poll("a") == b"o\n"

    def test_a_heartbeat_ends_a_poll(self) -> None:
        """contract: 1.21"""
        self.poll("a")
        waiting = self.open_request("POST", "/000/a/xhr")
        self.wait(self.limits.sockjs.heartbeat_seconds - 0.1)
        waiting.pump()
        assert waiting.ear.heard == b""
        self.wait(0.1)
        waiting.pump()
        assert waiting.answer("POST").body == b"h\n"
        self.say("a", "still here")
        assert self.poll("a") == b'a["still here"]\n'

    def test_another_address_is_another_client(self) -> None:
        """contract: 1.21"""
        self.poll("a")
        self.say("a", "secret")
        connection = self.world.connect(peer=IPv4Address("TCP", "203.0.113.9", 4000))
        for path in ("xhr", "xhr_send"):
            connection.ear.forget()
            connection.send(request("POST", f"/echo/000/a/{path}", (), b'["x"]'))
            assert connection.answer("POST").status == 404
        assert self.poll("a") == b'a["secret"]\n'

    def test_who_says_nothing_for_long_is_let_go(self) -> None:
        self.poll("a")
        for _ in range(
            int(self.limits.sockjs.idle_seconds / self.limits.sockjs.heartbeat_seconds) - 1
        ):
            waiting = self.open_request("POST", "/000/a/xhr")
            self.wait(self.limits.sockjs.heartbeat_seconds)
            waiting.pump()
            assert waiting.answer("POST").body == b"h\n"
        waiting = self.open_request("POST", "/000/a/xhr")
        self.wait(self.limits.sockjs.heartbeat_seconds)
        waiting.pump()
        closed = b'c[3000,"The connection was idle for too long."]\n'
        assert waiting.answer("POST").body == closed

    def test_nothing_is_left_when_all_are_gone(self) -> None:
        self.poll("a")
        self.say("a", "never taken")
        self.open_request("POST", "/000/b/xhr").hang_up()
        self.wait(100)
        assert self.world.clock.getDelayedCalls() == []


class ClosingTests(ServiceTests):
    base = "/close"

    def test_the_goodbye_is_said_until_it_is_forgotten(self) -> None:
        assert self.poll("a") == b"o\n"
        for _ in range(3):
            assert self.poll("a") == b'c[3000,"Go away!"]\n'
            self.wait(self.limits.sockjs.disconnect_seconds - 1)
        self.wait(1)
        assert self.poll("a") == b"o\n"

    def test_by_jsonp(self) -> None:
        assert self.get("/000/a/jsonp?c=x").body == b'/**/x("o");\r\n'
        for _ in range(2):
            assert self.get("/000/a/jsonp?c=x").body == b'/**/x("c[3000,\\"Go away!\\"]");\r\n'


class JsonpTests(ServiceTests):
    def test_there_and_back(self) -> None:
        """contract: 1.21"""
        answer = self.get("/000/a/jsonp?c=%63allback")
        assert (answer.status, answer.body) == (200, b'/**/callback("o");\r\n')
        assert answer.headers["content-type"] == "application/javascript; charset=UTF-8"
        assert answer.headers["cache-control"] == NOT_CACHED
        sent = self.post("/000/a/jsonp_send", b"d=%5B%22x%22%5D", FORM)
        assert (sent.status, sent.body) == (200, b"ok")
        assert sent.headers["content-type"] == "text/plain; charset=UTF-8"
        assert sent.headers["cache-control"] == NOT_CACHED
        assert self.get("/000/a/jsonp?c=callback").body == b'/**/callback("a[\\"x\\"]");\r\n'

    def test_a_body_that_is_no_form(self) -> None:
        self.get("/000/a/jsonp?c=x")
        self.post("/000/a/jsonp_send", b"d=%5B%22abc%22%5D", FORM)
        self.post("/000/a/jsonp_send", b'["%61bc"]', ("Content-Type", "text/plain"))
        told = self.get("/000/a/jsonp?c=x").body
        assert told == b'/**/x("a[\\"abc\\",\\"%61bc\\"]");\r\n'

    def test_what_is_no_message(self) -> None:
        self.get("/000/a/jsonp?c=x")
        broken = self.post("/000/a/jsonp_send", b"d=%5B%22x", FORM)
        assert (broken.status, broken.body) == (500, b"Broken JSON encoding.")
        for body in (b"", b"d=", b"p=p"):
            answer = self.post("/000/a/jsonp_send", body, FORM)
            assert (answer.status, answer.body) == (500, b"Payload expected.")

    def test_the_callback_is_a_name(self) -> None:
        """contract: 1.21, T7"""
        for transport in ("jsonp", "htmlfile"):
            answer = self.get(f"/a/a/{transport}")
            assert (answer.status, answer.body) == (500, b'"callback" parameter required')
            for name in ("alert(1)//", "a%0Ab", "%3Cscript%3E", "x" * 129, "a%3Bb"):
                answer = self.get(f"/a/a/{transport}?c={name}")
                assert (answer.status, answer.body) == (500, b'invalid "callback" parameter')

    def test_a_message_is_no_script(self) -> None:
        self.get("/000/a/jsonp?c=x")
        text = '</script>"\\\u2028'
        self.post("/000/a/jsonp_send", json.dumps([text]).encode(), ("Content-Type", "text/plain"))
        told = self.get("/000/a/jsonp?c=x").body
        assert b"<" not in told
        frame = json.loads(told.removeprefix(b"/**/x(").removesuffix(b");\r\n"))
        assert json.loads(frame[1:]) == [text]


class CrowdTests(ServiceTests):
    limits = Limits(sockjs=SockJSLimits(connections=3, connections_per_address=2))

    def open_from(self, host: str, name: str) -> int:
        connection = self.world.connect(peer=IPv4Address("TCP", host, 4000))
        connection.send(request("POST", f"/echo/000/{name}/xhr", (), b""))
        return connection.answer("POST").status

    def test_connections_are_bounded(self) -> None:
        assert [self.open_from("203.0.113.1", name) for name in "abc"] == [200, 200, 429]
        assert [self.open_from("203.0.113.2", name) for name in "de"] == [200, 429]
        self.wait(self.limits.sockjs.disconnect_seconds)
        assert self.open_from("203.0.113.1", "c") == 200

    def test_one_too_many_is_told_when_to_come_back(self) -> None:
        for name in "ab":
            self.poll(name)
        answer = self.post("/000/c/xhr")
        assert (answer.status, answer.error) == (429, "too_many_connections")
        assert answer.headers["retry-after"] == "5"
