"""What a request names is found in its path, its header or its body, whatever else that has."""

from __future__ import annotations

import tracemalloc
from io import BytesIO

from twisted.web.server import Request
from twisted.web.test.requesthelper import DummyChannel

from sagecell_tx.http.nodes.routing import Named, named_by


def execute(body: bytes) -> Named:
    """What a request to run a program names."""
    request = Request(DummyChannel(), False)
    request.method, request.path, request.content = b"POST", b"/api/execute", BytesIO(body)
    return named_by(request, "")


def test_a_path_may_be_spelt_with_escapes() -> None:
    """As it is where the request is answered."""
    request = Request(DummyChannel(), False)
    request.path = b"/kernel/%30%30%302a41c-77be-8d03-9f5e-1c2b7a9e40d1/messages"
    assert named_by(request, "") == Named(2)
    request.path = b"/sockjs/000/my%20page%2F1/xhr"
    assert named_by(request, "") == Named(sockjs="my page/1")


def test_the_longest_key_is_found() -> None:
    key = rb"\u0041" * 255
    assert execute(b'{"code":"1","idempotency_key" : "%b"}' % key).key == key


def test_a_key_inside_of_a_program_is_none() -> None:
    assert execute(rb'{"code":"{\"idempotency_key\":\"a\"}"}') == Named()


def test_what_is_too_long_for_a_key_takes_no_memory() -> None:
    """Anybody may send it: a match would take a hundred bytes for each of its own."""
    body = b'{"idempotency_key":"%b"}' % (b"a" * 1_000_000)
    tracemalloc.start()
    try:
        assert execute(body) == Named()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * len(body)
