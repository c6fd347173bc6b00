"""A PostgreSQL server that lets everybody in and then answers nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from sagecell_tx.config import ConfigError
from sagecell_tx.store.database import greet, open_backend

pytestmark = pytest.mark.integration

#: AuthenticationOk and ReadyForQuery. Source: PostgreSQL's documentation, "Message Formats".
_WELCOME = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"


@pytest.fixture
def url() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:  # it is shut down
                    return
                taken.append(client)
                client.recv(1000)
                client.sendall(_WELCOME)

        serving = threading.Thread(target=serve)
        serving.start()
        port = listening.getsockname()[1]
        yield f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable&gssencmode=disable"
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()
        for client in taken:
            client.close()


@pytest.mark.parametrize("bounded", [True, False])
def test_it_is_given_up(url: str, bounded: bool) -> None:
    backend = open_backend(url, bounded=bounded)
    with pytest.raises(ConfigError, match="database: "):
        greet(backend, 0.2)
    backend.dispose()
