"""What the engine of a compute machine answers."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.engine import OFTEN, REFUSED, SILENCE, Drops, Standing, answers
from sagecell_tx.wire.messages import WireError, originate
from sagecell_tx.wire.zmqwire import DELIMITER, Signer, decode
from tests.hosts.parallel.controllers import facts

SIGNER = Signer(b"a key")
FACTS = facts("m1")

#: What ipyparallel's engines and IPython's kernels run, obey or tell.
REQUESTS = [
    "apply_request",
    "execute_request",
    "abort_request",
    "clear_request",
    "shutdown_request",
    "interrupt_request",
    "complete_request",
    "inspect_request",
    "history_request",
    "debug_request",
    "comm_open",
    "comm_msg",
    "kernel_info_request",
    "signal_request",
    "create_subshell_request",
    "anything",
]


def request(msg_type: str, content: object = None, buffers: tuple[bytes, ...] = ()) -> list[bytes]:
    """The frames of a client's request, as the engine receives it over the controller."""
    made = originate("", msg_type, content or {}, session="s", msg_id="m", date="")  # type: ignore[arg-type]
    return [b"mux_out", b"client", *protocol.request(made, SIGNER), *buffers]


def answered(frames: list[bytes]):
    """The identities and the message of the answer."""
    told = answers(frames, SIGNER, FACTS)
    return told[: told.index(DELIMITER)], decode("", told, SIGNER)


def test_a_request_for_facts_is_answered_for_who_asked():
    identities, reply = answered(request(protocol.FACTS_REQUEST))
    assert identities == [b"mux_out", b"client"]
    assert reply.msg_type == protocol.FACTS_REPLY
    assert reply.parent_id == "m"
    assert json.loads(reply.content) == FACTS


@pytest.mark.parametrize("msg_type", REQUESTS)
def test_any_other_request_is_refused(msg_type):
    _, reply = answered(request(msg_type, {"code": "1/0", "msg_ids": None}))
    assert reply.msg_type == msg_type.removesuffix("_request") + "_reply"
    assert reply.parent_id == "m"
    assert json.loads(reply.content) == REFUSED


class Command:
    """What a pickle of it would do to whoever loads it."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def test_what_a_client_wants_to_have_run_is_not_unpickled():
    bomb = pickle.dumps(Command())
    _, reply = answered(request("apply_request", {}, buffers=(bomb,) * 200))
    assert json.loads(reply.content) == REFUSED
    assert reply.buffers == ()


def test_a_request_that_is_not_signed_is_dropped():
    with pytest.raises(WireError, match="not signed"):
        answers(request(protocol.FACTS_REQUEST), Signer(b"another key"), FACTS)


@given(st.lists(st.one_of(st.binary(), st.just(DELIMITER))))
def test_any_frames_are_dropped(frames):
    with pytest.raises(WireError):
        answers(frames, SIGNER, FACTS)


# --- the hub, which may be another than before


def test_a_hub_may_take_its_time_to_finish_a_registration():
    standing = Standing(100.0, 4.5)
    assert not standing.answered(listed=False, now=102.0)
    assert not standing.answered(listed=False, now=104.0)
    assert not standing.answered(listed=True, now=106.0)


def test_a_hub_that_never_finishes_it_does_not_know_the_engine():
    """It has taken the place of the one that the engine had registered with a moment before."""
    standing = Standing(100.0, 4.5)
    assert not standing.answered(listed=False, now=104.0)
    assert standing.answered(listed=False, now=106.0)


def test_a_hub_that_knew_the_engine_and_does_not_any_more():
    standing = Standing(100.0, 4.5)
    assert not standing.answered(listed=True, now=102.0)
    assert standing.answered(listed=False, now=103.0)


def test_a_hub_that_does_not_answer():
    standing = Standing(100.0, 4.5)
    assert not standing.is_silent(100.0 + SILENCE)
    assert standing.is_silent(101.0 + SILENCE)
    standing.answered(listed=True, now=102.0)
    assert not standing.is_silent(101.0 + SILENCE)


def test_messages_that_are_dropped_fill_no_log():
    drops = Drops()
    logged = [drops.one_more(now) for now in (5.0, 6.0, 5.0 + OFTEN - 1, 5.0 + OFTEN, 6.0 + OFTEN)]
    assert logged == [True, False, False, True, False]
    assert drops.count == 5
