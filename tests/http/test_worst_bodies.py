"""The work for any input to any route is bounded. It is counted, not timed.

A step is a call of a function, in Python or C. The work of a C function is linear in its input, and
the counts also show that the same bytes are not passed to functions again and again.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import attrs
import pytest
from twisted.web import http
from typing_extensions import override

from sagecell_tx.http.connections.strict import ADDRESS
from sagecell_tx.wire.jsonbounds import MARKS
from tests.http.pages.test_pages import PAGE
from tests.wire.test_formwire import END, KIND, WORST, part

from .loopback import answers, form, request
from .talking import frame, frames, upgrade
from .world import SiteTests

#: The sizes of the smaller and the larger one of each, below `limits.requests.body_bytes`.
FEW, MANY = 2_000, 60_000

#: What SockJS answers with 500, as its protocol requires.
SOCKJS = (
    b"Broken JSON encoding.",
    b"Payload expected.",
    b"At most 1000 messages at a time.",
)

FORMS: dict[str, Callable[[int], tuple[str, bytes]]] = {
    **WORST,
    "a header of quotation marks": lambda n: (KIND, part(b'X: "' + b'\\"' * n) + END),
    "a type that claims a thousand parameters": lambda n: (
        KIND + ";a=b" * 1000,
        part(value=b"x" * n) + END,
    ),
    "a boundary of one letter": lambda n: (KIND, b"--B\r\n" * n),
}

JSON: dict[str, Callable[[int], bytes]] = {
    "arrays": lambda n: b"[" + b"[]," * n + b"[]]",
    "objects": lambda n: b"[" + b"{}," * n + b"{}]",
    "nested": lambda n: b"[" * n + b"]" * n,
    "nested objects": lambda n: b'{"a":' * n + b"1" + b"}" * n,
    "names": lambda n: b"{" + b",".join(b'"%d":1' % each for each in range(n)) + b"}",
    "digits": lambda n: b"[" + b"9" * n + b"]",
    "strings": lambda n: b"[" + b'"",' * n + b'""]',
    "messages": lambda n: b"[" + b'{"header":{"msg_id":"a","msg_type":"b"}},' * n + b"{}]",
    "SockJS messages": lambda n: b"[" + b'"a,{}",' * n + b'"a,{}"]',
    "a header": lambda n: b'{"header":{"msg_id":"a","msg_type":"b","x":[' + b"[]," * n + b"[]]}}",
    "a content": lambda n: (
        b'{"header":{"msg_id":"a","msg_type":"complete_request"},"content":{"x":['
        + b"[]," * n
        + b"[]]}}"
    ),
    "escapes": lambda n: b'["' + b"\\u0041" * n + b'"]',
    "a string without end": lambda n: b'["' + b'\\"' * n,
    "no UTF-8": lambda n: b'["' + b"\xff" * n + b'"]',
}


class WorstTests(SiteTests):
    @override
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "index.html").write_bytes(PAGE)
        kernel_id = self.ask("POST", "/kernel", **form(timeout="600")).json["id"]
        self.kernel = f"/kernel/{kernel_id}"
        self.routes: tuple[str, ...] = (
            "/tos.html",
            "/kernel",
            "/service",
            "/permalink",
            "/complete",
            "/nothing",
        )
        self.routes += (self.kernel, f"{self.kernel}/messages", "/sockjs/0/a/jsonp_send")
        assert self.ask("POST", "/sockjs/0/a/xhr", [], b"").body == b"o\n"

    def steps(self, data: bytes, *before: bytes) -> int:
        """The steps to process `data`, on a connection that has sent something before."""
        connection = self.world.connect()
        for each in before:
            connection.send(each)
        connection.ear.forget()
        files: Counter[str] = Counter()

        def counted(frame: FrameType, event: str, arg: Any) -> None:
            if event in ("call", "c_call"):
                files[frame.f_code.co_filename] += 1
                assert frame.f_code is not http.parse_qs.__code__

        profile = sys.getprofile()
        sys.setprofile(counted)
        try:
            connection.send(data)
        finally:
            sys.setprofile(profile)
        for answer in [] if before else answers(connection.ear.heard, "POST"):
            # A question that the completer was asked, or a long poll, has none yet.
            assert answer.status < 500 or answer.body in SOCKJS, answer
        assert not [name for name in files if "/email/" in name and "format" not in name]
        connection.hang_up()
        return files.total()

    def assert_bounded(self, sent: Callable[[int], bytes], *before: bytes) -> None:
        few, many = self.steps(sent(FEW), *before), self.steps(sent(MANY), *before)
        assert many <= few + 1000, (few, many)
        assert few <= 100_000

    def test_forms_at_each_route(self) -> None:
        for name, made in FORMS.items():
            for path in self.routes:

                def sent(n: int, path: str = path, made: Any = made) -> bytes:
                    kind, body = made(n)
                    return request("POST", path, [("Content-Type", kind)], body)

                with self.subTest(form=name, path=path):
                    self.assert_bounded(sent)

    def test_json_at_each_route_that_reads_it(self) -> None:
        paths = ("/complete", f"{self.kernel}/messages", "/sockjs/0/a/xhr_send")
        for name, made in JSON.items():
            for path in (*paths, "/sockjs/0/a/jsonp_send"):

                def sent(n: int, path: str = path, made: Any = made) -> bytes:
                    return request("POST", path, [("Content-Type", "text/plain")], made(n))

                with self.subTest(json=name, path=path):
                    self.assert_bounded(sent)

    def test_json_on_websockets(self) -> None:
        kernel = upgrade(self.kernel.rpartition("/")[2])
        framed, raw = (
            kernel.replace(b"%b/channels" % self.kernel.encode(), path)
            for path in (b"/sockjs/0/w/websocket", b"/sockjs/websocket")
        )
        for name, made in JSON.items():
            for way, upgraded in (("kernel", kernel), ("framed", framed), ("raw", raw)):

                def sent(n: int, way: str = way, made: Any = made) -> bytes:
                    before = self.kernel[8:].encode() + b"/channels," if way == "raw" else b""
                    return frame(1, before + made(n))

                with self.subTest(json=name, way=way):
                    self.assert_bounded(sent, upgraded)

    def test_what_a_kernel_says_passes_unread_however_much_there_is_in_it(self) -> None:
        connection = self.world.connect()
        connection.send(upgrade(self.kernel.rpartition("/")[2]))
        connection.ear.forget()
        content = b'{"data":{"application/geo+json":[' + b"[1,2]," * MANY + b"[]]}}"
        kernel = self.world.host.kernels[0]
        said = kernel.originate("display_data", {}, None)
        kernel.deliver(attrs.evolve(said, content=content))
        connection.pump()
        told = b"".join(payload for _, payload in frames(b"\r\n\r\n" + connection.ear.heard))
        assert content in told

    def test_queries_at_each_route(self) -> None:
        for piece in (b"&", b"a=1&", b"%41", b"%", b"=", b";", b"+"):
            for path in ("/", "/tos.html", "/permalink", f"{self.kernel}/messages"):

                def sent(n: int, path: str = path, piece: bytes = piece) -> bytes:
                    long = piece * (n * 60_000 // MANY // len(piece))
                    assert len(long) < ADDRESS
                    return request("GET", f"{path}?c={long.decode()}")

                with self.subTest(piece=piece, path=path):
                    self.assert_bounded(sent)


@pytest.mark.parametrize("name", JSON)
def test_the_larger_ones_are_too_much(name: str) -> None:
    """But for those that are one string, which are no more than that."""
    marks = sum(JSON[name](MANY).count(each) for each in (b"[", b"]", b"{", b"}", b",", b'"'))
    assert marks > MARKS or name in ("digits", "escapes", "a string without end", "no UTF-8")
