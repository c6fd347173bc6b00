"""Requests to a forward proxy: what is passed on, where to, and what is refused."""

from __future__ import annotations

import itertools
from contextlib import suppress
from ipaddress import IPv6Address

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagecell_tx.wire.messages import WireError
from sagecell_tx.wire.proxywire import HEAD, Destination, ProxyRequest, plain_host, refusal

POST = (
    b"POST http://Example.org:8080/path?query HTTP/1.1\r\nHost: other.example\r\n"
    b"Content-Length: 5\r\nX-Kept: yes\r\n\r\nhello"
)


def passed_on(*parts):
    """A request that has received these bytes, and what was passed on."""
    request = ProxyRequest()
    return request, b"".join(request.receive(part) for part in parts)


def read(data):
    """The request that a server reads out of bytes: method, target, headers and body."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    request, body = server.next_event(), b""
    assert isinstance(request, h11.Request)
    while isinstance(event := server.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return request.method, request.target, dict(request.headers), body


def refused(*parts):
    with pytest.raises(WireError) as caught:
        passed_on(*parts)
    assert caught.value.code == "invalid_request"
    return caught.value.message


def test_a_request_goes_on_as_its_server_wants_it():
    request, onward = passed_on(POST)
    assert request.destination == Destination("example.org", 8080)
    assert not request.tunnel
    assert read(onward) == (
        b"POST",
        b"/path?query",
        {
            b"host": b"Example.org:8080",
            b"content-length": b"5",
            b"x-kept": b"yes",
            b"connection": b"close",
        },
        b"hello",
    )


@given(st.lists(st.integers(0, len(POST))))
def test_however_it_is_cut_up(cuts):
    edges = [0, *sorted(cuts), len(POST)]
    parts = [POST[start:end] for start, end in itertools.pairwise(edges)]
    assert passed_on(*parts)[1] == passed_on(POST)[1]


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.data())
def test_a_body_in_chunks_arrives(chunks, data):
    head = b"PUT http://a.example/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    cut = data.draw(st.integers(0, len(head + body)))
    _, onward = passed_on((head + body)[:cut], (head + body)[cut:])
    assert read(onward)[3] == b"".join(chunks)


def test_headers_for_the_proxy_stay_with_it():
    _, onward = passed_on(
        b"GET http://a.example HTTP/1.1\r\nHost: a\r\nProxy-Authorization: secret\r\n"
        b"Connection: X-Mine, keep-alive\r\nX-Mine: 1\r\nUpgrade: h2c\r\nTE: gzip\r\n"
        b"Proxy-Connection: keep-alive\r\nAccept: x\r\n\r\n"
    )
    method, target, headers, _ = read(onward)
    assert (method, target) == (b"GET", b"/")
    assert headers == {b"host": b"a.example", b"accept": b"x", b"connection": b"close"}


def test_what_frames_the_body_cannot_be_called_the_proxys():
    _, onward = passed_on(
        b"POST http://a.example/ HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
        b"Connection: content-length\r\n\r\nhi"
    )
    assert read(onward)[3] == b"hi"


@pytest.mark.parametrize(
    ("target", "destination"),
    [
        (b"example.org:443", Destination("example.org", 443)),
        (b"EXAMPLE.org.:80", Destination("example.org", 80)),
        (b"192.0.2.1:443", Destination("192.0.2.1", 443)),
        (b"[2001:DB8:0::1]:443", Destination("2001:db8::1", 443)),
    ],
)
def test_a_tunnel_passes_everything_on_from_then_on(target, destination):
    head = b"CONNECT " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    request, onward = passed_on(head[:9], head[9:] + b"\x16\x03", b"GET / HTTP/9\r\n")
    assert request.tunnel
    assert request.destination == destination
    assert onward == b"\x16\x03GET / HTTP/9\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1",
        b"GET https://a.example/ HTTP/1.1",
        b"GET ftp://a.example/ HTTP/1.1",
        b"GET http:///path HTTP/1.1",
        b"GET http://user:secret@a.example/ HTTP/1.1",
        b"GET http://allowed.example\\@a.example/ HTTP/1.1",
        b"GET http://a.example#b.example/ HTTP/1.1",
        b"GET http://a.example:/ HTTP/1.1",
        b"GET http://a.example:0/ HTTP/1.1",
        b"GET http://a.example:65536/ HTTP/1.1",
        b"GET http://a_%41.example/ HTTP/1.1",
        b"GET http://[::1/ HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT a.example HTTP/1.1",
        b"CONNECT http://a.example:443/ HTTP/1.1",
        b"CONNECT a.example:443/x HTTP/1.1",
        b"CONNECT a.example:99999 HTTP/1.1",
        b"CONNECT " + b"a" * 300 + b":443 HTTP/1.1",
    ],
)
def test_what_no_proxy_takes(line):
    assert refused(line + b"\r\nHost: a.example\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET http://a.example/ HTTP/1.1\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        b"Content-Length: 2\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_what_is_no_request(head):
    assert refused(head)


def test_a_head_has_an_end():
    refused(b"GET http://a.example/ HTTP/1.1\r\n", *[b"X: y\r\n" * 100] * (HEAD // 600 + 1))


@pytest.mark.parametrize("second", [POST, b"x", b"\r\n"])
def test_there_is_no_second_request(second):
    assert refused(POST, second)
    assert refused(POST + second)


@given(st.binary(max_size=200), st.binary(max_size=200))
@example(b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"")
@example(b"GET http://a/ HTTP/1.0\r\n\r\n", b"x")
def test_bytes_of_any_kind_do_no_harm(first, second):
    request = ProxyRequest()
    onward = b""
    with suppress(WireError):
        onward = request.receive(first) + request.receive(second)
    assert request.destination is not None or onward == b""


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Example.ORG.", "example.org"),
        ("example.org..", "example.org."),
        ("127.0.0.1", "127.0.0.1"),
        # Python 3.13 and later have the dotted spelling.
        ("[::FFFF:127.0.0.1]", str(IPv6Address("::ffff:7f00:1"))),
        ("[0::0:1]", "::1"),
        ("127.1", "127.1"),
    ],
)
def test_a_host_has_one_spelling(text, plain):
    assert plain_host(text) == plain


@given(st.text(max_size=700))
def test_a_refusal_is_an_answer_whatever_it_says(sentence):
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(refusal(403, sentence))
    answer = client.next_event()
    assert isinstance(answer, h11.Response)
    assert (answer.status_code, len(answer.reason) <= 500) == (403, True)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert body.decode() == f"{sentence}\n"
