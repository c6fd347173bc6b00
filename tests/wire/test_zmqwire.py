"""jupyter_client's Session is the oracle: each side reads what the other writes."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jupyter_client.session import Session

from sagecell_tx.wire import zmqwire
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, Message, WireError, dump
from sagecell_tx.wire.zmqwire import DELIMITER, Signer, check_signature, decode, encode, to_utf8
from tests.wire.strategies import json_objects, names

KEY = b"a0436f6c-1916-498b-8eb9-e81ab9368e84"
FIRST = 2  # the index of the header in frames without identities

identities = st.lists(st.binary().filter(lambda frame: frame != DELIMITER), max_size=3)
buffers = st.lists(st.binary(), max_size=3)
keys = st.sampled_from([b"", KEY])


def written_by_jupyter(key=KEY, ident=None, msg_type="stream", content=None, **parts):
    """A message as Session makes it, and its frames as Session writes them."""
    session = Session(key=key, packer="json", unpacker="json")
    sent = session.msg(msg_type, content, **parts)
    return sent, session.serialize(sent, ident)


def signed(header=b"{}", parent_header=b"{}", metadata=b"{}", content=b"{}"):
    """Frames with a valid signature and arbitrary content."""
    parts = (header, parent_header, metadata, content)
    return [DELIMITER, Signer(KEY).sign(*parts), *parts]


def refusal(frames, signer=None):
    with pytest.raises(WireError) as caught:
        decode(IOPUB, frames, signer or Signer(KEY))
    return caught.value.code


@given(keys, identities, names, json_objects, json_objects, json_objects, buffers)
def test_what_jupyter_writes_is_read(key, ident, msg_type, content, metadata, parent, extra):
    parent = {"msg_id": "asked"} | parent
    sent, frames = written_by_jupyter(key, ident, msg_type, content, metadata=metadata)
    sent["parent_header"] = parent
    frames = Session(key=key, packer="json", unpacker="json").serialize(sent, ident)
    read = decode(IOPUB, frames + extra, Signer(key))
    assert (read.channel, read.msg_id, read.msg_type) == (IOPUB, sent["msg_id"], msg_type)
    assert read.parent_id == parent["msg_id"]
    assert json.loads(read.parent_header) == parent
    assert json.loads(read.metadata) == metadata
    assert read.parsed_content() == content
    assert read.buffers == tuple(extra)
    # Nothing was changed.
    header, _, _, unread = frames[-4:]
    assert (read.header, read.content) == (header, unread)


@given(keys, names, names, json_objects, json_objects, buffers)
def test_what_is_written_jupyter_reads(key, msg_id, msg_type, content, metadata, extra):
    message = Message(
        channel=SHELL,
        msg_id=msg_id,
        msg_type=msg_type,
        header=dump({"msg_id": msg_id, "msg_type": msg_type, "version": "5.3"}),
        parent_header=dump({"msg_id": "asked", "version": "5.3"}),
        metadata=dump(metadata),
        content=dump(content),
        buffers=tuple(extra),
    )
    session = Session(key=key, packer="json", unpacker="json")
    ident, parts = session.feed_identities(encode(message, Signer(key)))
    read = session.deserialize(parts)
    assert ident == []
    assert (read["msg_id"], read["msg_type"]) == (msg_id, msg_type)
    assert read["parent_header"]["msg_id"] == "asked"
    assert read["metadata"] == metadata
    assert read["content"] == content
    assert [bytes(buffer) for buffer in read["buffers"]] == extra


@given(names, json_objects, buffers)
def test_a_message_comes_back_from_its_frames(msg_id, content, extra):
    message = Message(
        channel=CONTROL,
        msg_id=msg_id,
        msg_type="comm_msg",
        header=dump({"msg_id": msg_id, "msg_type": "comm_msg"}),
        content=dump(content),
        buffers=tuple(extra),
    )
    assert decode(CONTROL, encode(message, Signer(KEY)), Signer(KEY)) == message


@given(st.data())
def test_no_signed_byte_can_be_changed(data):
    _, frames = written_by_jupyter(content={"text": "é"}, metadata={"a": 1})
    index = data.draw(st.integers(FIRST - 1, FIRST + 3), "frame")
    position = data.draw(st.integers(0, len(frames[index]) - 1), "position")
    flipped = data.draw(st.integers(1, 255), "bits")
    frame = bytearray(frames[index])
    frame[position] ^= flipped
    frames[index] = bytes(frame)
    assert refusal(frames) == "bad_signature"


def test_every_signed_byte_counts():
    _, frames = written_by_jupyter()
    for index in range(FIRST, FIRST + 4):
        for position in range(len(frames[index])):
            frame = bytearray(frames[index])
            frame[position] ^= 1
            tampered = [*frames[:index], bytes(frame), *frames[index + 1 :]]
            assert refusal(tampered) == "bad_signature"


@pytest.mark.parametrize("signature", [b"", b"0" * 64, b"\xff" * 64, b"x"])
def test_a_forged_signature_is_refused(signature):
    _, frames = written_by_jupyter()
    frames[1] = signature
    assert refusal(frames) == "bad_signature"


def test_another_kernels_signature_is_refused():
    _, frames = written_by_jupyter(key=b"another")
    assert refusal(frames) == "bad_signature"


def test_nothing_is_parsed_under_a_wrong_signature():
    frames = [DELIMITER, b"wrong", b"not JSON", b"", b"", b""]
    assert refusal(frames) == "bad_signature"
    frames[1] = Signer(KEY).sign(*frames[2:])
    assert refusal(frames) == "invalid_part"


def test_a_kernel_without_a_key_is_believed():
    _, frames = written_by_jupyter(key=b"")
    assert frames[1] == b"" == Signer(b"").sign(*frames[2:6])
    frames[1] = b"whatever"
    assert decode(IOPUB, frames, Signer(b"")).msg_type == "stream"


def test_the_signature_can_be_checked_apart():
    _, frames = written_by_jupyter(ident=[b"topic"])
    check_signature(frames, Signer(KEY))
    with pytest.raises(WireError, match="not signed"):
        check_signature(frames, Signer(b"another"))
    assert zmqwire.parse(IOPUB, frames) == decode(IOPUB, frames, Signer(KEY))


def test_a_signer_signs_the_same_again():
    signer = Signer(KEY)
    parts = [b"1", b"2", b"3", b"4"]
    assert (
        signer.sign(*parts)
        == signer.sign(*parts)
        == Session(key=KEY, packer="json", unpacker="json").sign(parts)
    )


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([], "no_delimiter"),
        ([b"topic", b"{}"], "no_delimiter"),
        ([DELIMITER], "too_few_frames"),
        (signed()[:-1], "too_few_frames"),
        ([b"1", b"2", b"3", b"4", b"5", DELIMITER], "too_few_frames"),
    ],
)
def test_what_is_no_message_is_refused(frames, code):
    assert refusal(frames) == code
    with pytest.raises(WireError) as caught:
        zmqwire.parse(IOPUB, frames)
    assert caught.value.code == code


def named(**fields):
    return dump({"msg_id": "1", "msg_type": "status"} | fields)


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"{,}",
        b'{"msg_id": NaN, "msg_type": "status"}',
        b'{"msg_id":"1"}',
        b'{"msg_type":"status"}',
        named(msg_id=""),
        named(msg_id=None),
        named(msg_id=7),
        named(msg_type=["status"]),
        named(msg_type="x" * 257),
        named(msg_id="x" * 257),
        named(username="x" * zmqwire.HEADER_LIMIT),
        b'{"a":' * 9000 + b"1" + b"}" * 9000,
        named()[:-1] + b',"a":[' + b"[]," * 2000 + b"[]]}",
    ],
    ids=lambda header: repr(header[:30]),
)
def test_a_header_that_names_nothing_is_refused(header):
    assert refusal(signed(header)) == "invalid_header"


def test_a_parent_header_has_the_same_bound():
    long = b"{" + b" " * zmqwire.HEADER_LIMIT + b"}"
    assert refusal(signed(named(), parent_header=long)) == "invalid_header"


@pytest.mark.parametrize("part", ["header", "parent_header", "metadata", "content"])
@pytest.mark.parametrize("text", [b"", b"nul", b"[]", b"{", b'"{}"', "{}".encode("utf-16")])
def test_a_part_that_is_no_object_is_refused(part, text):
    assert refusal(signed(**{"header": named(), part: text})) == "invalid_part"


def test_a_kernel_may_say_null_for_no_parent_and_no_metadata():
    for part in ("parent_header", "metadata"):
        message = decode(IOPUB, signed(named(), **{part: b"null"}), Signer(KEY))
        assert getattr(message, part) == b"{}"
    for part in ("header", "content"):
        assert refusal(signed(**{"header": named(), part: b"null"})) == "invalid_part"


def test_space_around_a_part_is_as_good_as_none():
    assert decode(IOPUB, signed(named(), content=b' {"a":1}\n'), Signer(KEY)).content == b'{"a":1}'


frame = (
    st.binary(max_size=40)
    | st.sampled_from([DELIMITER, b"{}", b"\xff", named()])
    | json_objects.map(dump)
)


def decoded_or_refused(frames):
    try:
        return decode(SHELL, frames, Signer(b""))
    except WireError as error:
        return error


@given(st.lists(frame, max_size=9))
@example([DELIMITER, b"", named(), b"{}", b"{}", b"{}"])
def test_any_frames_are_a_message_or_an_error(frames):
    message = decoded_or_refused(frames)
    if isinstance(message, WireError):
        assert message.code in {"no_delimiter", "too_few_frames", "invalid_header", "invalid_part"}
    else:
        for part in (message.header, message.parent_header, message.metadata, message.content):
            assert part.decode("utf-8")


@given(
    st.text(
        st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
    )
)
@example("\udc80")
def test_what_a_kernel_prints_is_valid_utf8_when_it_is_passed_on(text):
    sent, frames = written_by_jupyter(content={"name": "stdout", "text": text})
    session = Session(key=KEY, packer="json", unpacker="json")
    oracle = session.deserialize(session.feed_identities(frames)[1])
    read = decode(IOPUB, frames, Signer(KEY))
    assert json.loads(read.content.decode("utf-8")) == oracle["content"]
    assert read.msg_id == sent["msg_id"]


@given(st.binary(), st.integers(1, 8))
def test_slices_do_not_show(data, size):
    whole = b"a" * (zmqwire.SLICE - size) + data
    expected = whole.decode("utf-8", "replace").encode()
    assert to_utf8(whole) == expected


def test_valid_utf8_is_not_copied():
    for text in ("plain", "é" * 10, "é😀" * zmqwire.SLICE):
        data = text.encode()
        assert to_utf8(data) is data


def test_a_big_message_is_never_a_big_string():
    text = "é😀".encode() * (16 * zmqwire.SLICE // 6)
    frames = signed(named(), content=b'{"text":"' + text + b'"}')
    tracemalloc.start()
    try:
        message = decode(IOPUB, frames, Signer(KEY))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert message.content is frames[-1]
    assert peak < 8 * zmqwire.SLICE
