"""Keys and certificates by which the web process and agents know one another.

Certificates are pinned: each end knows the SHA-256 of the other's, and nothing else in it counts,
neither names nor dates nor who has signed it. The secret key never leaves its process and its file.
"""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Any

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    ISystemHandle,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.config import ConfigError

#: The files of an identity.
KEY = "key.pem"
CERTIFICATE = "certificate.pem"

_ALWAYS = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_NEVER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)  # RFC 5280, 4.1.2.5


@frozen
class Identity:
    """A secret key and its certificate, both as PEM."""

    key: bytes = field(repr=False)
    certificate: bytes

    @classmethod
    def new(cls, name: str) -> Identity:
        """A new one; `name` is for people who look at the certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_ALWAYS)
            .not_valid_after(_NEVER)
            .sign(key, hashes.SHA256())
        )
        return cls(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            certificate.public_bytes(serialization.Encoding.PEM),
        )

    @classmethod
    def read(cls, directory: Path) -> Identity:
        """Read what `write` has written; raises `ConfigError`."""
        try:
            found = cls((directory / KEY).read_bytes(), (directory / CERTIFICATE).read_bytes())
        except OSError as error:
            raise ConfigError(
                f"{error.filename}: {error.strerror}; `sagecell-tx cluster keys DIRECTORY` makes "
                "both files"
            ) from error
        try:
            found.context()
        except Exception as error:  # OpenSSL's own, of several kinds
            raise ConfigError(f"{directory}: {KEY} and {CERTIFICATE} are not a pair") from error
        return found

    def write(self, directory: Path) -> None:
        """Write both into a directory, where only this account can read the key; raises OSError.

        FileExistsError if there is a key.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(directory / KEY, "xb", opener=_open_private) as file:
            file.write(self.key)
        (directory / CERTIFICATE).write_bytes(self.certificate)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate's DER form, in lower-case hexadecimal digits."""
        return _fingerprint(x509.load_pem_x509_certificate(self.certificate))

    def context(self) -> SSL.Context:
        """A context of TLS that shows this certificate."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate(x509.load_pem_x509_certificate(self.certificate))
        key = serialization.load_pem_private_key(self.key, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("expected a key of an elliptic curve")
        context.use_privatekey(key)
        context.check_privatekey()
        return context


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def peer_fingerprint(connection: SSL.Connection) -> str:
    """The fingerprint of the certificate that the other end has shown; empty without one."""
    certificate = connection.get_peer_certificate(as_cryptography=True)
    return "" if certificate is None else _fingerprint(certificate)


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class PinnedTls:
    """Makes connections of TLS on which the other end has one of the pinned certificates.

    Any other ends the handshake. No session is resumed, as that would check no certificate.
    """

    def __init__(self, identity: Identity, pinned: Collection[str]) -> None:
        self._pinned = frozenset(pinned)
        self._context = identity.context()
        self._context.set_min_proto_version(SSL.TLS1_3_VERSION)
        self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self._context.set_options(SSL.OP_NO_TICKET)
        self._context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # idle connections hold little memory
        self._context.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._is_certificate_pinned
        )

    def _is_certificate_pinned(
        self, connection: SSL.Connection, certificate: Any, error: int, depth: int, ok: int
    ) -> bool:
        # A certificate that vouches for another has no meaning here.
        if depth != 0:
            return False
        try:
            shown = _fingerprint(certificate.to_cryptography())
        except (
            Exception
        ):  # OpenSSL takes more for a certificate; raised, it may end another connection
            return False
        return shown in self._pinned

    def is_pinned(self, connection: SSL.Connection) -> bool:
        """Whether the other end of a connection has shown a pinned certificate."""
        return peer_fingerprint(connection) in self._pinned

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N802, N803
        """See `IOpenSSLClientConnectionCreator`."""
        return SSL.Connection(self._context, None)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N802, N803
        """See `IOpenSSLServerConnectionCreator`."""
        return SSL.Connection(self._context, None)


def why_lost(reason: Failure) -> str:
    """Why a connection was lost, as a sentence for the operator of this end."""
    error = reason.value
    if not isinstance(error, SSL.Error):
        return reason.getErrorMessage()
    words = error.args[0] if error.args else []
    said = str(words[-1][-1]) if isinstance(words, list) and words else "the handshake failed"
    if "verify failed" in said:
        return f"its certificate is not one of those that are pinned here (TLS: {said})"
    if "alert" in said:
        return f"it refused this end's certificate, whose fingerprint it must have (TLS: {said})"
    return f"TLS: {said}"


#: TCP_THIN_LINEAR_TIMEOUTS of Linux, which Python's socket module does not have.
_THIN_LINEAR_TIMEOUTS = 16

#: Seconds after which an idle connection is probed, and between two probes, and the number of probes without an answer that
#: end it.
KEEPALIVE_IDLE = 30
KEEPALIVE_INTERVAL = 10
KEEPALIVE_PROBES = 3


def prepare_socket(transport: Any) -> None:
    """Let TCP send at once, repeat soon what was lost, and notice when the other end is gone.

    By default, each repetition waits twice as long as the last. After a network was down for a second
    and a half, the next word would come when the other end has given up.

    A line has beats, but a stream is silent while nothing is printed. Whatever forgets it on the way, as a firewall or a NAT does with
    one connection and not with others, would leave it open at one end for ever. There is no limit on unacknowledged data
    (TCP_USER_TIMEOUT): it would also end a stream that is not read for long.
    """
    tcp = getattr(transport, "transport", transport)  # below TLS
    if ISystemHandle.providedBy(tcp):  # in memory there is none
        handle: Any = tcp.getHandle()
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle.setsockopt(socket.IPPROTO_TCP, _THIN_LINEAR_TIMEOUTS, 1)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
