"""The static URLs of SockJS, their CORS headers and refusals (sockjs-protocol 0.3.3)."""

from __future__ import annotations

import json
import re

from tests.http.loopback import request

from .sockjsing import ServiceTests, headers, max_age

PREFLIGHTS = {
    "/info": "OPTIONS, GET",
    "/a/b/xhr": "OPTIONS, POST",
    "/a/b/xhr_send": "OPTIONS, POST",
    "/a/b/xhr_streaming": "OPTIONS, POST",
    "/a/b/jsonp_send": "OPTIONS, POST",
    "/a/b/eventsource": "OPTIONS, GET",
}

NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"


class GreetingTests(ServiceTests):
    def test_the_greeting(self) -> None:
        """contract: 1.21"""
        for path in ("", "/", "?CellSessionID=abc"):
            answer = self.get(path)
            assert (answer.status, answer.body) == (200, b"Welcome to SockJS!\n")
            assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
            assert "set-cookie" not in answer.headers

    def test_old_proxies_are_told_how_long_an_answer_is(self) -> None:
        for path in ("", "/info", "/iframe.html", "/a/b/jsonp"):
            connection = self.world.connect()
            asked = request("GET", f"/echo{path}", [("Connection", "Keep-Alive")])
            connection.send(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
            said = headers(connection.ear.heard)
            body = connection.ear.heard.partition(b"\r\n\r\n")[2]
            assert int(said["content-length"]) == len(body) > 0
            assert "transfer-encoding" not in said
            assert connection.ear.lost

    def test_nothing_else_is_there(self) -> None:
        for path in ("/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "/a/b/xhr/d"):
            assert self.get(path).status == 404, path


class FrameTests(ServiceTests):
    def test_the_page_to_speak_through(self) -> None:
        names = ("", "-a", "-", "-0.1.2", "-0.1.2abc-dirty.2144")
        queries = ("", "?t=1234")
        for path in [f"/iframe{name}.html{query}" for name in names for query in queries]:
            answer = self.get(path)
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/html; charset=UTF-8"
            assert max_age(answer) >= 1_000_000
            assert answer.headers["expires"].endswith(" GMT")
            assert "last-modified" not in answer.headers
            assert "set-cookie" not in answer.headers
            assert b"SockJS.bootstrap_iframe();" in answer.body
            assert b'<script src="/static/sockjs.min.js"></script>' in answer.body

    def test_other_names_are_not_there(self) -> None:
        for name in ("iframe.htm", "iframe", "IFRAME.HTML", "IFRAME", "iframe.HTML", "iframe.xml"):
            assert self.get(f"/{name}").status == 404
        assert self.get("/iframe-/.html").status == 404
        assert self.get("/iframe-%3Cscript%3E.html").status == 404

    def test_it_is_asked_for_once(self) -> None:
        answer = self.get("/iframe.html")
        again = self.get("/iframe-1.html", ("If-None-Match", answer.headers["etag"]))
        assert (again.status, again.body) == (304, b"")
        assert "content-type" not in again.headers


class InfoTests(ServiceTests):
    def test_what_can_be_had(self) -> None:
        """contract: 1.21"""
        answer = self.get("/info", ("Origin", "http://book.example"))
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json; charset=UTF-8"
        assert answer.headers["cache-control"] == NOT_CACHED
        assert answer.headers["access-control-allow-origin"] == "http://book.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        told = json.loads(answer.body)
        assert told == {
            "websocket": True,
            "cookie_needed": False,
            "origins": ["*:*"],
            "entropy": told["entropy"],
        }
        assert 0 <= told["entropy"] < 2**32

    def test_entropy_is_never_the_same(self) -> None:
        told = [json.loads(self.get("/info").body)["entropy"] for _ in range(3)]
        assert len(set(told)) == 3

    def test_without_websockets(self) -> None:
        self.base = "/disabled_websocket_echo"
        assert json.loads(self.get("/info").body)["websocket"] is False
        for path in ("/websocket", "/0/0/websocket"):
            assert self.get(path, ("Upgrade", "websocket")).status == 404

    def test_with_cookies(self) -> None:
        self.base = "/cookie_needed_echo"
        assert json.loads(self.get("/info").body)["cookie_needed"] is True


class PreflightTests(ServiceTests):
    def test_pages_from_elsewhere_may_ask(self) -> None:
        """contract: 1.21"""
        for path, methods in PREFLIGHTS.items():
            for origin, allowed in (("http://a.example", "http://a.example"), ("null", "null")):
                answer = self.ask("OPTIONS", f"/echo{path}", [("Origin", origin)])
                assert (answer.status, answer.body) == (204, b"")
                assert answer.headers["access-control-allow-origin"] == allowed
                assert answer.headers["access-control-allow-credentials"] == "true"
                assert answer.headers["access-control-allow-methods"] == methods
                assert int(answer.headers["access-control-max-age"]) > 1_000_000
                assert max_age(answer) > 1_000_000
                assert re.search(r"20\d\d", answer.headers["expires"])

    def test_without_an_origin_everybody_may(self) -> None:
        answer = self.ask("OPTIONS", "/echo/info")
        assert answer.headers["access-control-allow-origin"] == "*"

    def test_requested_headers_come_back(self) -> None:
        for name, wanted in enumerate(("a, b, c", "", "X-Sage\x0b", None)):
            asked = [] if wanted is None else [("Access-Control-Request-Headers", wanted)]
            answer = self.post(f"/000/{name}/xhr", b"", *asked)
            said = answer.headers.get("access-control-allow-headers")
            assert said == ("a, b, c" if wanted == "a, b, c" else None)


class NameTests(ServiceTests):
    def test_any_names_will_do(self) -> None:
        for names in ("/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20"):
            assert self.post(f"{names}/xhr").body == b"o\n"

    def test_but_not_these(self) -> None:
        for names in ("//", "/a./a", "/a/a.", "/./.", "/", "///", f"/a/{'x' * 129}"):
            assert self.get(f"{names}/xhr").status == 404, names
            assert self.post(f"{names}/xhr").status == 404, names

    def test_each_way_has_its_method(self) -> None:
        ways = {"POST": ("xhr", "xhr_send", "xhr_streaming", "jsonp_send")}
        ways["GET"] = ("websocket", "eventsource", "htmlfile", "jsonp")
        for method, transports in ways.items():
            for other in {"GET", "POST"} - {method}:
                for transport in transports:
                    answer = self.ask(other, f"/echo/a/b/{transport}", (), b"")
                    assert (answer.status, answer.body) == (405, b""), (other, transport)
                    assert answer.headers["allow"] == method
                    assert "content-type" not in answer.headers
        assert self.post("/a/b/flash").status == 404

    def test_the_server_is_none_of_ours(self) -> None:
        assert self.poll("one") == b"o\n"
        self.say("one", "a")
        assert self.post("/999/one/xhr").body == b'a["a"]\n'


class CookieTests(ServiceTests):
    base = "/cookie_needed_echo"

    def cookies(self, answer_headers: dict[str, str]) -> list[str]:
        return answer_headers["set-cookie"].split("; ")

    def test_whoever_takes_frames_gets_one(self) -> None:
        """contract: 1.21"""
        assert self.cookies(self.post("/0/a/xhr").headers) == ["JSESSIONID=dummy", "Path=/"]
        assert self.cookies(self.get("/0/b/jsonp?c=f").headers)[0] == "JSESSIONID=dummy"
        for transport, query in (("xhr_streaming", ""), ("eventsource", ""), ("htmlfile", "?c=f")):
            stream = self.stream(transport, transport, query)
            assert self.cookies(stream.headers) == ["JSESSIONID=dummy", "Path=/"]

    def test_the_one_that_is_there_stays(self) -> None:
        answer = self.post("/0/a/xhr", b"", ("Cookie", "x=1; JSESSIONID=abcdef"))
        assert self.cookies(answer.headers)[0] == "JSESSIONID=abcdef"

    def test_what_is_no_cookie_does_not_come_back(self) -> None:
        answer = self.post("/0/a/xhr", b"", ("Cookie", b"JSESSIONID=a\xff\xfe b"))
        assert self.cookies(answer.headers)[0] == "JSESSIONID=dummy"

    def test_only_where_they_are_needed(self) -> None:
        self.base = "/echo"
        assert "set-cookie" not in self.post("/0/a/xhr").headers
