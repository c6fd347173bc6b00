"""What a client and the controller of ipyparallel say to each other, and its connection file.

    registration   DEALER  -> connection_request {}
                           <- connection_reply {"status": "ok", "engines": {"0": uuid, ...}}
    notification   SUB     <- registration_notification {"id": 0, "uuid": uuid}
                           <- unregistration_notification {"id": 0, "uuid": uuid}
    mux            DEALER  -> uuid  facts_request {}
                           <- uuid  facts_reply {facts}

The first two are ipyparallel's own. The last is between this server and the engines of its
compute machines, and the controller only passes it on: `hosts/parallel/engine.py` answers it. All
are Jupyter messages, whose frames are signed with the key in the connection file, encrypted by
CURVE, or both. Nothing here is unpickled: a message is JSON within limits, or it is dropped.

Source: https://ipyparallel.readthedocs.io/en/latest/reference/messages.html
"""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen

from sagecell_tx.wire.messages import Message, WireError, is_name, parse_object
from sagecell_tx.wire.zmqwire import DELIMITER, Signer, decode, encode

REGISTRATION = "registration"
NOTIFICATION = "notification"
MUX = "mux"

CONNECTION_REQUEST = "connection_request"
CONNECTION_REPLY = "connection_reply"
REGISTERED = "registration_notification"
UNREGISTERED = "unregistration_notification"
FACTS_REQUEST = "facts_request"
FACTS_REPLY = "facts_reply"

#: The longest connection file that is read, in bytes. ipyparallel's have some 500.
FILE_LIMIT = 16 * 1024

#: The longest frame that is received, in bytes: that of a reply with all engines.
FRAME_LIMIT = 1 << 20

#: The most frames of a message; those that are expected have seven.
FRAMES_LIMIT = 16

#: The longest facts of one engine, in bytes.
FACTS_LIMIT = 16 * 1024

#: Engines of one controller, each of which is one machine. A controller that names more is not believed.
ENGINES = 4096

#: The packers of jupyter_client whose bytes are JSON.
_JSON_PACKERS = frozenset({"json", "orjson"})

_INTERFACE = re.compile(r"tcp://([\w.-]{1,253}|\*)", re.ASCII)
_HOST = re.compile(r"[\w.-]{1,253}", re.ASCII)

#: A public key of CURVE, in the encoding Z85.
_CURVE_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}", re.ASCII)

#: The interfaces of a controller that listens on all addresses.
_ANY = frozenset({"*", "0.0.0.0"})  # noqa: S104 - recognized, not listened on


@frozen(kw_only=True)
class ConnectionFile:
    """How the clients of one controller reach it: ``ipcontroller-client.json``.

    `host` is a name or an IPv4 address. `notification` is 0 in a file for engines. `server_key` is the controller's public key for CURVE, in
    Z85; None without encryption.
    """

    host: str
    registration: int
    notification: int
    mux: int
    key: bytes = field(repr=False)
    server_key: bytes | None

    def address(self, channel: str) -> str:
        """The endpoint of one of the three channels, for ZMQ."""
        return f"tcp://{self.host}:{getattr(self, channel)}"

    @classmethod
    def parse(cls, data: bytes, *, for_engines: bool = False) -> ConnectionFile:
        """The file's content; `for_engines`: of ``ipcontroller-engine.json``.

        Raises `WireError` with a sentence for the operator.
        """
        if len(data) > FILE_LIMIT:
            raise _invalid(f"it has more than {FILE_LIMIT} bytes")
        try:
            values = parse_object(data)
        except WireError as error:
            raise _invalid(error.message) from error
        for name in ("pack", "unpack"):
            packer = values.get(name)
            if not isinstance(packer, str) or packer not in _JSON_PACKERS:
                raise _invalid(f"{name!r} is not 'json': only messages in JSON are read")
        if values.get("signature_scheme") != "hmac-sha256":
            raise _invalid("'signature_scheme' is not 'hmac-sha256'")
        if values.get("ssh"):
            raise _invalid("its controller is behind an SSH tunnel, which is not supported")
        return cls(
            host=_host(values),
            registration=_port(values, REGISTRATION),
            notification=0 if for_engines else _port(values, NOTIFICATION),
            mux=_port(values, MUX),
            key=_key(values),
            server_key=_server_key(values),
        )


def _invalid(why: str) -> WireError:
    return WireError("invalid_connection_file", f"not a connection file that can be used: {why}")


def _host(values: dict[str, Any]) -> str:
    interface = values.get("interface")
    match = _INTERFACE.fullmatch(interface) if isinstance(interface, str) else None
    if match is None:
        raise _invalid("'interface' is not tcp:// and an IPv4 address")
    if match[1] not in _ANY:
        return match[1]
    location = values.get("location")
    if not isinstance(location, str) or not _HOST.fullmatch(location):
        raise _invalid("'location' is not the name or the IPv4 address of its machine")
    return location


def _port(values: dict[str, Any], name: str) -> int:
    port = values.get(name)
    if type(port) is not int or not 0 < port < 65536:
        raise _invalid(f"{name!r} is not a port")
    return port


def _key(values: dict[str, Any]) -> bytes:
    """The key of signatures. ipyparallel signs nothing that is encrypted: then it may be empty."""
    key = values.get("key")
    if not isinstance(key, str) or not key.isascii():
        raise _invalid("'key' is not a key")
    if not key and values.get("curve_serverkey") is None:
        raise _invalid("it has no key, so that messages would be neither encrypted nor signed")
    return key.encode("ascii")


def _server_key(values: dict[str, Any]) -> bytes | None:
    key = values.get("curve_serverkey")
    if key is None:
        return None
    if not isinstance(key, str) or not _CURVE_KEY.fullmatch(key):
        raise _invalid("'curve_serverkey' is not a public key of CURVE")
    return key.encode("ascii")


def request(message: Message, signer: Signer, engine: str = "") -> list[bytes]:
    """The frames of a request to the hub, or over mux to the engine with the uuid `engine`."""
    frames = encode(message, signer)
    return [engine.encode("ascii"), *frames] if engine else frames


def received(channel: str, frames: list[bytes], signer: Signer) -> tuple[str, Message]:
    """The message in `frames` and, on mux, the uuid of the engine that it is from.

    Raises `WireError` for what is not signed with the key, exceeds a limit or is not a message.
    """
    # Anything may be behind the four JSON frames, and nobody here reads it.
    message = decode(channel, frames[:16], signer)
    if channel != MUX:
        return "", message
    if frames[0] == DELIMITER:
        raise WireError("no_engine", "The message does not say which engine it is from.")
    return _uuid(frames[0].decode("ascii", "replace")), message


def engines(reply: Message) -> frozenset[str]:
    """The uuids of all engines in a `CONNECTION_REPLY`; raises `WireError`."""
    content = reply.parsed_content(longest=FRAME_LIMIT)
    named = content.get("engines")
    if content.get("status") != "ok" or not isinstance(named, dict) or len(named) > ENGINES:
        raise WireError("invalid_reply", "The hub's reply has no engines, or too many.")
    return frozenset(map(_uuid, named.values()))


def engine(notification: Message) -> str:
    """The uuid in a `REGISTERED` or `UNREGISTERED`; raises `WireError`."""
    return _uuid(notification.parsed_content(longest=FACTS_LIMIT).get("uuid"))


def facts(reply: Message) -> bytes:
    """The JSON text of the facts in a `FACTS_REPLY`; raises `WireError` if it is too long."""
    if len(reply.content) > FACTS_LIMIT:
        raise WireError("facts_too_long", f"The facts are longer than {FACTS_LIMIT} bytes.")
    return reply.content


def _uuid(value: object) -> str:
    """`value` as the identity of an engine; raises `WireError`. It is not always a real UUID."""
    if not is_name(value) or not value.isascii() or not value.isprintable():
        raise WireError("invalid_uuid", "An engine's uuid is not a short ASCII text.")
    return value
