"""A token may be in the query, in Authorization, or among a WebSocket's subprotocols."""

from __future__ import annotations

import pytest

from sagecell_tx.http.jupyter.identity import Identities, token
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem
from tests.http.asking import asking

from .asclient import ALICE, BOB, KEYS


@pytest.mark.parametrize(
    ("headers", "query", "found"),
    [
        ({}, None, ""),
        ({"authorization": b"token abc"}, None, "abc"),
        ({"authorization": b"Bearer abc"}, None, "abc"),
        ({"authorization": b"TOKEN   abc "}, None, "abc"),
        ({"authorization": b"token "}, None, ""),
        ({"authorization": b"token"}, None, ""),
        ({"authorization": b"Bearer "}, None, ""),
        ({"authorization": b"Basic eDp5"}, None, ""),
        ({}, b"abc", "abc"),
        ({}, b"", ""),
        ({"authorization": b"token abc"}, b"", "abc"),
        ({"authorization": b"token abc"}, b"def", "def"),
        ({"sec-websocket-protocol": b"v1.token.websocket.jupyter.org.abc"}, None, "abc"),
        (
            {
                "sec-websocket-protocol": b"v1.kernel.websocket.jupyter.org, "
                b"v1.token.websocket.jupyter.org.a%2Bb"
            },
            None,
            "a+b",
        ),
        ({"sec-websocket-protocol": b"v1.token.websocket.jupyter.org"}, None, ""),
        ({"sec-websocket-protocol": b"v1.kernel.websocket.jupyter.org"}, None, ""),
    ],
)
def test_where_a_token_is(headers: dict[str, bytes], query: bytes | None, found: str) -> None:
    args = {} if query is None else {"token": [query]}
    assert token(asking(headers=headers, args=args).request) == found


def test_a_token_is_one_of_the_keys() -> None:
    identities = Identities(clients=Clients(keys=KEYS))
    for sent, name in ((ALICE, "alice"), (BOB, "bob")):
        asked = asking(headers={"authorization": f"token {sent}".encode()}).request
        assert identities.visitor(asked).key == name
    assert identities.visitor(asking().request).key == ""


@pytest.mark.parametrize("sent", ["alice", ALICE + "x", ALICE[:-1], "ALICE", "ü", "\x00", "a b"])
def test_another_token_is_refused_and_is_nobodys_name(sent: str) -> None:
    for keys in (KEYS, {}):
        identities = Identities(clients=Clients(keys=keys))
        for asked in (
            asking(headers={"authorization": f"token {sent}".encode()}),
            asking(headers={"authorization": f"Bearer {sent}".encode()}),
            asking(args={"token": [sent.encode()]}),
        ):
            with pytest.raises(Problem) as refused:
                identities.visitor(asked.request)
            assert (refused.value.status, refused.value.code) == (403, "unknown_key")
            assert sent not in refused.value.message
