"""Connection files of controllers, and what a hub and its engines send."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.protocol import ConnectionFile
from sagecell_tx.wire.messages import WireError, originate
from sagecell_tx.wire.zmqwire import DELIMITER, Signer

SIGNER = Signer(b"0b3c2a51-9e3f")

CURVE = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

#: What ipyparallel 9 writes.
FILE = {
    "ssh": "",
    "interface": "tcp://127.0.0.1",
    "registration": 41001,
    "control": 41002,
    "mux": 41003,
    "task": 41004,
    "task_scheme": "leastload",
    "iopub": 41005,
    "notification": 41006,
    "broadcast": 41007,
    "key": "0b3c2a51-9e3f",
    "curve_serverkey": CURVE,
    "location": "machine-1",
    "pack": "json",
    "unpack": "json",
    "signature_scheme": "hmac-sha256",
}


def parsed(**changes: object) -> ConnectionFile:
    return ConnectionFile.parse(json.dumps({**FILE, **changes}).encode())


def test_a_connection_file():
    file = parsed()
    assert file.address(protocol.REGISTRATION) == "tcp://127.0.0.1:41001"
    assert file.address(protocol.NOTIFICATION) == "tcp://127.0.0.1:41006"
    assert file.address(protocol.MUX) == "tcp://127.0.0.1:41003"
    assert file.key == b"0b3c2a51-9e3f"
    assert file.server_key == CURVE.encode()


def test_the_key_is_not_shown():
    assert "0b3c2a51" not in repr(parsed())


@pytest.mark.parametrize("interface", ["tcp://*", "tcp://0.0.0.0"])
def test_a_controller_on_all_addresses_is_reached_at_its_location(interface):
    assert parsed(interface=interface).host == "machine-1"


def test_with_curve_nothing_has_to_be_signed():
    assert parsed(key="").key == b""


def test_a_file_for_engines_has_no_notifications():
    file = {key: value for key, value in FILE.items() if key != "notification"}
    assert ConnectionFile.parse(json.dumps(file).encode(), for_engines=True).notification == 0
    with pytest.raises(WireError, match="notification"):
        ConnectionFile.parse(json.dumps(file).encode())


def test_without_curve():
    assert parsed(curve_serverkey=None).server_key is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pack": "pickle"}, "only messages in JSON"),
        ({"unpack": "pickle"}, "only messages in JSON"),
        ({"unpack": "os.system"}, "only messages in JSON"),
        ({"unpack": ["json"]}, "only messages in JSON"),
        ({"signature_scheme": "hmac-md5"}, "signature_scheme"),
        ({"ssh": "user@gateway"}, "SSH tunnel"),
        ({"interface": "ipc:///tmp/x"}, "interface"),
        ({"interface": "tcp://a:1/"}, "interface"),
        ({"interface": None}, "interface"),
        ({"interface": "tcp://*", "location": "a b"}, "location"),
        ({"interface": "tcp://*", "location": None}, "location"),
        ({"mux": 0}, "'mux' is not a port"),
        ({"mux": 65536}, "'mux' is not a port"),
        ({"registration": True}, "'registration' is not a port"),
        ({"notification": "41006"}, "'notification' is not a port"),
        ({"key": "", "curve_serverkey": None}, "neither encrypted nor signed"),
        ({"key": "é"}, "'key' is not a key"),
        ({"key": None}, "'key' is not a key"),
        ({"curve_serverkey": ""}, "curve_serverkey"),
        ({"curve_serverkey": CURVE[1:]}, "curve_serverkey"),
        ({"curve_serverkey": CURVE[1:] + "é"}, "curve_serverkey"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(changes, why):
    with pytest.raises(WireError, match="connection file") as caught:
        parsed(**changes)
    assert why in caught.value.message


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b" " * (protocol.FILE_LIMIT + 1)])
def test_what_is_not_a_connection_file(data):
    with pytest.raises(WireError, match="connection file"):
        ConnectionFile.parse(data)


@given(
    st.dictionaries(
        st.sampled_from(sorted(FILE)),
        st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())),
    )
)
def test_any_values_are_a_file_or_refused(changes):
    try:
        file = parsed(**changes)
    except WireError:
        return
    for channel in (protocol.REGISTRATION, protocol.NOTIFICATION, protocol.MUX):
        assert file.address(channel).startswith("tcp://")


def message(msg_type: str, content: dict) -> list[bytes]:
    """The frames of a message as the hub signs it."""
    made = originate("", msg_type, content, session="s", msg_id="m", date="")
    return protocol.request(made, SIGNER)


def test_a_request_to_an_engine_names_it_first():
    made = originate("", protocol.FACTS_REQUEST, {}, session="", msg_id="m", date="")
    frames = protocol.request(made, SIGNER, "an-engine")
    assert frames[0] == b"an-engine"
    assert protocol.received(protocol.MUX, frames, SIGNER)[0] == "an-engine"


def test_a_message_with_another_key_is_refused():
    frames = message(protocol.CONNECTION_REPLY, {})
    with pytest.raises(WireError, match="not signed"):
        protocol.received(protocol.REGISTRATION, frames, Signer(b"another"))


@pytest.mark.parametrize("first", [[], [b"\xff"], [b""], [b"a" * 257], [b"a\nb"]])
def test_a_message_on_mux_is_from_an_engine(first):
    with pytest.raises(WireError):
        protocol.received(protocol.MUX, [*first, *message(protocol.FACTS_REPLY, {})], SIGNER)


@given(
    st.sampled_from([protocol.REGISTRATION, protocol.NOTIFICATION, protocol.MUX]),
    st.lists(st.one_of(st.binary(), st.just(DELIMITER))),
)
def test_any_frames_are_refused(channel, frames):
    with pytest.raises(WireError):
        protocol.received(channel, frames, SIGNER)


def reply(content: object, msg_type: str = protocol.CONNECTION_REPLY):
    made = message(msg_type, content)  # type: ignore[arg-type]
    return protocol.received(protocol.REGISTRATION, made, SIGNER)[1]


def test_all_engines_of_a_reply():
    content = {"status": "ok", "engines": {"0": "a", "3": "b"}}
    assert protocol.engines(reply(content)) == {"a", "b"}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"status": "error", "ename": "KeyError"},
        {"status": "ok"},
        {"status": "ok", "engines": ["a"]},
        {"status": "ok", "engines": {"0": 5}},
        {"status": "ok", "engines": {"0": "é"}},
        {"status": "ok", "engines": {"0": "a" * 257}},
        {"status": "ok", "engines": {str(n): str(n) for n in range(protocol.ENGINES + 1)}},
    ],
)
def test_a_reply_without_engines_is_refused(content):
    with pytest.raises(WireError):
        protocol.engines(reply(content))


def test_the_engine_of_a_notification():
    assert protocol.engine(reply({"id": 1, "uuid": "a"}, protocol.REGISTERED)) == "a"


@pytest.mark.parametrize("content", [{}, {"uuid": 1}, {"uuid": ""}, {"uuid": "a\n"}])
def test_a_notification_without_an_engine_is_refused(content):
    with pytest.raises(WireError):
        protocol.engine(reply(content, protocol.REGISTERED))


def test_facts_are_passed_on_as_they_came():
    assert json.loads(protocol.facts(reply({"name": "m"}, protocol.FACTS_REPLY))) == {"name": "m"}


def test_facts_that_are_too_long_are_refused():
    with pytest.raises(WireError, match="longer"):
        protocol.facts(reply({"name": "m" * protocol.FACTS_LIMIT}, protocol.FACTS_REPLY))


class Command:
    """What a pickle of it would do to whoever loads it."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def test_buffers_with_pickles_are_not_loaded():
    frames = [b"e", *message(protocol.FACTS_REPLY, {"name": "m"}), pickle.dumps(Command())]
    uuid, told = protocol.received(protocol.MUX, frames, SIGNER)
    assert (uuid, protocol.facts(told)) == ("e", b'{"name":"m"}')
