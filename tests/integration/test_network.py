"""A server that lists a host: programs reach nothing else, and get a sentence about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.integration.script import Client, reply, text
from tests.integration.servers import Server
from tests.integration.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def listing() -> Iterator[Server]:
    # The name resolves to this machine, so no packet leaves it.
    with Server(network=("localhost",)) as server:
        yield server


def test_a_host_that_is_not_listed_is_refused_with_a_sentence(listing: Server) -> None:
    code = """
import urllib.error, urllib.request
for address in ('http://example.org/', 'https://example.org/'):
    try:
        urllib.request.urlopen(address)
    except OSError as error:
        print(error)
"""
    sentence = "example.org is not among the hosts that programs here may reach."
    with Client(listing.url) as client:
        said = client.run(code)
        assert reply(said)["status"] == "ok"
        plain, tunnelled = text(said).splitlines()
        assert plain == f"HTTP Error 403: {sentence}"
        assert f"403 {sentence}" in tunnelled
        kernel_id = client.kernel_id
    # The log has the first digits of an id: who knows a whole one can use the kernel.
    refused = f"{kernel_id[:8]}-...: network: example.org:443 refused: {sentence}"
    until(lambda: refused in listing.log())


def test_a_listed_name_that_leads_to_the_server_is_refused(listing: Server) -> None:
    code = """
import http.client
proxy = http.client.HTTPConnection('127.0.0.1', 3128)
proxy.request('GET', 'http://localhost/')
print(proxy.getresponse().read().decode())
"""
    with Client(listing.url) as client:
        said = client.run(code)
        assert text(said).strip() == "localhost has no public address."


def test_there_is_no_way_around_the_proxy(listing: Server) -> None:
    assert requests.get(f"{listing.url}/status.json", timeout=60).status_code == 200
    code = f"import socket\nsocket.create_connection(('127.0.0.1', {listing.port}), 5)"
    with Client(listing.url) as client:
        assert reply(client.run(code))["ename"] == "ConnectionRefusedError"


def test_the_end_of_the_kernels_gives_everything_back(listing: Server) -> None:
    with Client(listing.url) as client:
        client.run("1")
    listing.until_quiet()
    before = listing.web.num_fds()
    for _ in range(3):
        with Client(listing.url) as client:
            client.run("import socket; kept = socket.create_connection(('127.0.0.1', 3128))")
    listing.until_quiet()
    # The last request's connection may still be closing.
    until(lambda: listing.web.num_fds() <= before)
