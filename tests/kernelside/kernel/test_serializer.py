"""jupyter_client's own session is the oracle: it reads ours and its own messages alike."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import warnings
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

import numpy
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import Message, Session, json_packer, new_id

from sagecell_tx.kernelside.kernel.serializer import CellSerializer, pack
from sagecell_tx.kernelside.output.publisher import Publisher

KEY = b"a key"

Point = namedtuple("Point", "x y")


class Colour(IntEnum):
    RED = 1


class Text(str):
    pass


class Backwards(dict):
    def items(self):
        return reversed(super().items())


@dataclass
class Record:
    x: int


#: Values that JSON has, that it lacks, that are errors, and that libraries bring.
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "L"]))
    | st.binary(max_size=8)
    | st.sampled_from(
        ["null", "a null b", "\x00\u2028</script>", Text("t"), Colour.RED, 1j, Record(1)]
    )
    | st.datetimes(timezones=st.just(UTC))
    | st.just(date(2026, 2, 3))
    | st.sampled_from([numpy.int64(3), numpy.float64(0.5), numpy.float32(0.1), numpy.bool_(True)])
)
keys = st.text(max_size=8) | st.integers() | st.none() | st.booleans() | st.builds(Text, st.text())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.builds(Point, inner, inner)
        | st.sets(st.integers(), max_size=3)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(OrderedDict, st.dictionaries(st.text(), inner, max_size=2))
        | st.builds(lambda n: numpy.arange(n), st.integers(0, 3))
    ),
    max_leaves=12,
)
contents = st.dictionaries(st.text(), values, max_size=4)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
headers = st.fixed_dictionaries(
    {
        "msg_id": st.text(),
        "username": st.text() | st.floats() | st.integers(),
        "date": st.datetimes(min_value=datetime(1970, 1, 1), timezones=zones) | st.none(),
    }
)


def outcome(call: Any, *arguments: Any) -> Any:
    """The result, or the type of the error; warnings are ignored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call(*arguments)
        except Exception as error:
            return type(error)


def meaning(packed: Any) -> Any:
    """The parsed JSON; bytes that are no text are compared as they are."""
    if not isinstance(packed, bytes):
        return packed
    return json.loads(packed.decode("utf-8", "surrogateescape"))


class TestPack:
    @given(values)
    def test_means_what_the_original_means(self, value):
        """contract: 2.2"""
        theirs = outcome(json_packer, value)
        assert theirs is UnicodeEncodeError or meaning(outcome(pack, value)) == meaning(theirs)

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    def test_what_is_no_number_is_a_word(self, number):
        assert outcome(pack, {"x": [number]}) == b'{"x": ["%s"]}' % str(number).encode()

    def test_half_of_a_surrogate_pair_is_escaped(self):
        """contract: 2.2"""
        value = {"a": ["\ud800 é", None], "\ud800": math.inf}
        packed = json.loads(pack(value))
        assert packed == {"a": ["\ud800 é", None], "\ud800": "inf"}

    def test_whoever_is_more_than_a_dict_is_asked(self):
        backwards = Backwards(a=1, b=2)
        assert pack({"x": backwards}) == json_packer({"x": backwards}) == b'{"x": {"b": 2, "a": 1}}'

    def test_the_keys_of_others_are_text(self):
        assert meaning(pack({1: "a", None: "b"})) == {"1": "a", "null": "b"}

    def test_what_changes_meanwhile_is_taken_as_it_was(self):
        """Another thread of the program may change it, also while texts are measured."""
        content: dict[str, str] = {}

        class Growing(str):
            __slots__ = ()

            def __len__(self) -> int:
                content["b"] = "y"
                raise AssertionError

        content["a"] = Growing("x")
        assert outcome(pack, {"x": content}) == outcome(json_packer, {"x": content})


def ours() -> CellSerializer:
    return CellSerializer(key=KEY)


def original() -> Session:
    return Session(key=KEY, packer="json", unpacker="json")


def read(frames: list[bytes]) -> tuple[list[bytes], dict[str, Any]]:
    session = original()
    idents, rest = session.feed_identities(frames)
    return idents, session.deserialize(rest)


class TestSerialize:
    @given(contents, contents, headers, st.sampled_from([None, b"topic", [b"a", b"b"], []]))
    def test_the_original_reads_what_it_would_have_written(self, content, metadata, parent, ident):
        message = ours().msg("display_data", content, {"header": parent}, metadata=metadata)
        theirs = outcome(lambda: read(original().serialize(message, ident)))
        mine = outcome(lambda: read(ours().serialize(message, ident)))
        assert mine == theirs or theirs is UnicodeEncodeError

    @pytest.mark.parametrize("content", [None, b'{"packed": 1}', '{"packed": 2}'])
    def test_content_that_is_packed_already(self, content):
        message = {**ours().msg("status"), "content": content}
        assert read(ours().serialize(message)) == read(original().serialize(message))

    def test_the_time_is_told_with_its_zone(self):
        header = ours().serialize(ours().msg("status"))[2]
        assert json.loads(header)["date"].endswith("Z")

    def test_content_of_no_kind_is_an_error(self):
        with pytest.raises(TypeError, match="Content incorrect type"):
            ours().serialize({**ours().msg("status"), "content": 5})

    def test_under_the_key_that_came_last(self):
        session = CellSerializer(key=b"another")
        session.key = KEY
        _, message = read(session.serialize(session.msg("status", {"execution_state": "idle"})))
        assert message["content"] == {"execution_state": "idle"}

    def test_ids_are_of_the_session_and_never_twice(self):
        session = ours()
        session.session = new_id()
        ids = [session.msg("status")["header"]["msg_id"] for _ in range(100)]
        assert len(set(ids)) == 100
        assert all(each.startswith(session.session) for each in ids)


class Listening(Publisher):
    """A subclass of Publisher, for which the fast path is not used."""

    def __init__(self) -> None:
        super().__init__(ours())
        self.sent: list[list[Any]] = []

    def send_multipart(self, frames: list[Any], *_: object, **__: object) -> None:
        self.sent.append(frames)


class TestSend:
    """The fast path, with a publisher, and the slow one send the same."""

    def said(self, publisher: Publisher, *arguments: Any, **options: Any) -> Any:
        session = ours()
        returned = session.send(publisher, *arguments, **options)
        return returned

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"ident": b"topic"},
            {"metadata": {"a": 1}, "parent": {"msg_id": "p"}},
            {"header": {"msg_id": "own", "msg_type": "own"}},
            {"buffers": [b"data", memoryview(b"more"), bytearray(b"!")]},
        ],
    )
    def test_arguments(self, options):
        quick, slow = published(), Listening()
        for publisher in (quick, slow):
            self.said(publisher, "comm_msg", {"x": 1}, **options)
        (ident, message), (other_ident, other) = read(queued(quick)), read(slow.sent[0])
        for each in (message, other):
            for part in (each, each["header"]):
                part.pop("msg_id")
            each["header"].pop("date", None)
            each["header"].pop("session", None)
        assert (ident, message) == (other_ident, other)

    def test_a_message_that_was_made_before(self):
        publisher, message = published(), ours().msg("status", {"execution_state": "busy"})
        assert self.said(publisher, message) is message
        assert read(queued(publisher))[1]["content"] == {"execution_state": "busy"}

    def test_a_message_with_buffers_that_was_made_before(self):
        publisher = published()
        self.said(publisher, {**ours().msg("comm_open"), "buffers": [b"data"]})
        assert read(queued(publisher))[1]["buffers"] == [b"data"]

    def test_a_message_as_an_object(self):
        publisher = published()
        with pytest.raises(AttributeError):  # as with the original
            self.said(publisher, Message(ours().msg("status")))

    def test_a_buffer_in_pieces_is_an_error(self):
        with pytest.raises(ValueError, match="contiguous"):
            self.said(published(), "comm_msg", {}, buffers=[memoryview(b"abcdef")[::2]])

    def test_on_a_socket(self):
        session, context = ours(), zmq.Context()
        one, other = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        one.bind("inproc://here")
        other.connect("inproc://here")
        session.send(one, "execute_reply", {"status": "ok"})
        _, message = original().recv(other, mode=0)
        assert message is not None
        assert message["content"] == {"status": "ok"}
        context.destroy(linger=0)

    def test_nothing_in_a_process_that_a_cell_forked(self):
        publisher = published()
        publisher.forked = True
        session = ours()
        session.pid = os.getpid() + 1
        assert session.send(publisher, "status") is None
        assert not publisher._queue


def published() -> Publisher:
    """A publisher that is open and has no thread yet."""
    publisher = Publisher(ours())
    publisher.closed = False
    return publisher


def queued(publisher: Publisher) -> list[bytes]:
    (entry,) = publisher._queue
    return entry.frames  # type: ignore[union-attr]


#: Packs a text, nested as in a message, with so much memory; prints the length, or the error.
LIMITED = """
import resource, sys
from sagecell_tx.kernelside.kernel.serializer import pack
resource.setrlimit(resource.RLIMIT_DATA, (400 << 20,) * 2)
content = {"data": {"text/plain": "x" * (int(sys.argv[1]) << 20)}, "metadata": {}}
try:
    print(len(pack(content)) >> 20)
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.parametrize(("megabytes", "printed"), [(40, "40"), (200, "MemoryError")])
def test_a_long_text_takes_the_memory_that_it_needs_or_is_an_error(megabytes, printed):
    """Orjson takes eight times as much at least, and ends the process when there is not so much."""
    command = [sys.executable, "-c", LIMITED, str(megabytes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, printed), done.stderr
