"""Ids that name their node."""

from __future__ import annotations

import re
import secrets
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.nodes.kernelids import LAST_NODE, node_of, numbered

nodes = st.integers(1, LAST_NODE)


@given(nodes, st.binary(min_size=14, max_size=14))
def test_an_id_is_a_uuid_that_names_its_node(node: int, entropy: bytes) -> None:
    ident = numbered(node, lambda count: entropy[:count])
    parsed = uuid.UUID(ident)
    assert (str(parsed), parsed.version, parsed.variant) == (ident, 8, uuid.RFC_4122)
    assert len(ident) == 36
    assert node_of(ident) == node


def test_the_rest_is_random() -> None:
    """Each of 106 bits is sometimes 0 and sometimes 1."""
    ids = [uuid.UUID(numbered(7, secrets.token_bytes)).int for _ in range(200)]
    differing = 0
    for ident in ids:
        differing |= ident ^ ids[0]
    assert differing.bit_count() == 106
    assert len(set(ids)) == 200


@pytest.mark.parametrize(
    "ident",
    [
        "",
        str(uuid.UUID(int=0)),
        "00010000-0000-4000-8000-000000000000",  # a random UUID
        "00000000-0000-8000-8000-000000000000",  # there is no node 0
        "000a0000-0000-8000-8000-000000000000",
        "00010000-0000-8000-c000-000000000000",
        "00010000-0000-8000-8000-00000000000",
        "00010000-0000-8000-8000-000000000000\n",
        "00010000-0000-8000-8000-00000000000A",
        "\N{ARABIC-INDIC DIGIT ONE}0010000-0000-8000-8000-00000000000"[:36],
    ],
)
def test_other_ids_name_none(ident: str) -> None:
    assert node_of(ident) is None


def test_proxies_can_tell_it_by_the_beginning() -> None:
    assert re.match(r"0012[0-9a-f]{4}-[0-9a-f]{4}-8", numbered(12, secrets.token_bytes))
