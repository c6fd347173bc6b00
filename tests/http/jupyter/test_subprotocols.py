"""Which protocol a client gets, and the frames of messages in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.jupyter.subprotocols import TOKEN, chosen
from sagecell_tx.http.transports.dispatch import BINARY, CONTINUATION, TEXT
from sagecell_tx.http.transports.websocket import FRAME
from sagecell_tx.wire import binarywire, v1wire
from sagecell_tx.wire.messages import IOPUB, Message

V1 = v1wire.SUBPROTOCOL

lengths = st.integers(0, 3) | st.integers(FRAME - 200, FRAME + 2) | st.just(2 * FRAME)


def message(content: bytes = b"{}", buffers: tuple[bytes, ...] = ()) -> Message:
    return Message(
        channel=IOPUB,
        msg_id="1",
        msg_type="x",
        header=b'{"msg_id":"1","msg_type":"x"}',
        content=content,
        buffers=buffers,
    )


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ([], None),
        ([""], None),
        ([V1], V1),
        ([TOKEN, f"{TOKEN}.secret", V1], V1),
        ([TOKEN, f"{TOKEN}.secret"], TOKEN),
        ([f"{TOKEN}.secret"], None),
        (["v2.kernel.websocket.jupyter.org"], None),
    ],
)
def test_v1_is_chosen_if_offered_and_no_token_is_an_answer(offered: list[str], answer: str | None):
    protocol, subprotocol = chosen(offered)
    assert subprotocol == answer
    assert (protocol is chosen([V1])[0]) == (answer == V1)


@given(lengths, st.lists(lengths, max_size=3))
def test_the_frames_are_the_message_and_the_last_one_says_so(content: int, buffers: list[int]):
    sent = message(b'{"a":"%b"}' % (b"x" * content), tuple(b"y" * each for each in buffers))
    rendered: list[tuple[list[str], int, Sequence[bytes]]] = [
        ([V1], BINARY, v1wire.render(sent)),
        ([], BINARY, binarywire.render_binary(sent))
        if buffers
        else ([], TEXT, binarywire.render_text(sent)),
    ]
    for offered, opcode, pieces in rendered:
        frames = [*chosen(offered)[0].frames(sent)]
        assert b"".join(payload for _, payload, _ in frames) == b"".join(pieces)
        assert [each for each, _, _ in frames] == [opcode] + [CONTINUATION] * (len(frames) - 1)
        assert [last for _, _, last in frames] == [False] * (len(frames) - 1) + [True]
        assert max(len(payload) for _, payload, _ in frames) <= FRAME


def test_a_short_message_is_one_frame():
    for offered in ([V1], []):
        assert len([*chosen(offered)[0].frames(message())]) == 1
