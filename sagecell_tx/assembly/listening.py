"""The endpoints that the server listens on, and what it keeps free for them."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from twisted.application import strports
from twisted.application.service import Service
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.web.server import Site

from sagecell_tx.config import Config, ConfigError
from sagecell_tx.http.connections.accepting import REFUSED_AT, ListeningPorts, WatchedEndpoint
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.patient import PatientEndpoint
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.process.capacity import Capacity
from sagecell_tx.process.resources import allowed_threads, available_memory
from sagecell_tx.workers.sockets import AdoptingReactor, HeldEndpoint, OpenSocket, adoptable

#: Connections that may wait on a port to be accepted. A class presses Evaluate at once, and clients
#: that find the queue full retry only after 1, 3 or 7 seconds: Twisted's 50 are too few.
BACKLOG = 1024


#: The index of the backlog among an endpoint's positional parts, of which the kind is the first.
_BACKLOG_AT = {"tcp": 3, "tcp6": 2, "unix": 3, "ssl": 6}


def listening_ports(
    reactor: Any, connection_limits: ConnectionLimits, refusals: Refusals
) -> ListeningPorts:
    """The listening ports, which drop idle connections and refuse new ones when descriptors run out."""
    return ListeningPorts(
        clock=reactor,
        refusals=refusals,
        limit=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        hang_up=connection_limits.hang_up,
    )


def shortfalls(config: Config, ports: ListeningPorts) -> Iterator[str]:
    """Sentences about what does not suffice for the kernels that the settings allow."""
    admission = config.limits.admission
    capacity = Capacity(
        descriptors=int(REFUSED_AT * ports.limit()) - ports.in_use(),
        memory=0 if config.cluster.keys else available_memory(),  # that of other machines
        threads=allowed_threads(),
    )
    return capacity.shortfalls(admission.kernels + admission.service_kernels)


def check_endpoint(endpoint: str, reactor: Any, setting: str = "listen") -> None:
    """Raises `ConfigError` for what is not an endpoint, or one whose certificate is not there.

    The endpoint is one of `setting`.
    """
    try:
        serverFromString(reactor, with_deep_queue(endpoint))
    except OSError as error:
        raise ConfigError(f"{setting}: {endpoint}: {error.filename}: {error.strerror}") from error
    except LookupError as error:
        raise ConfigError(f"{setting}: {endpoint}: systemd has passed no such socket") from error
    except Exception as error:  # Twisted's parsers raise whatever they come upon
        sentence = f"not an endpoint, such as tcp:8888:interface=127.0.0.1: {error}"
        raise ConfigError(f"{setting}: {endpoint}: {sentence}") from error


def listening_services(
    config: Config, reactor: Any, web: Site, ports: ListeningPorts
) -> Sequence[Service]:
    """A service for each endpoint of the settings, of which each has its endpoint's name."""
    listening = []
    for endpoint in config.listen:
        service = strports.service(with_deep_queue(endpoint), web, reactor=reactor)
        service.setName(endpoint)
        service.endpoint = WatchedEndpoint(service.endpoint, ports)
        listening.append(service)
    return listening


def adopting_services(
    config: Config, reactor: Any, web: Site, ports: ListeningPorts, sockets: Sequence[OpenSocket]
) -> Sequence[Service]:
    """The same for a worker: its keeper has opened the endpoints, whose `sockets` are in the same order."""
    listening = []
    for endpoint, opened in zip(config.listen, sockets, strict=True):
        adopting: Any = AdoptingReactor(reactor, opened)
        service = strports.service(adoptable(endpoint), web, reactor=adopting)
        service.setName(endpoint)
        service.endpoint = WatchedEndpoint(service.endpoint, ports)
        listening.append(service)
    return listening


def held_services(
    config: Config, reactor: Any, opened: Callable[[OpenSocket], object]
) -> Sequence[Service]:
    """A service for each endpoint that opens it and accepts nothing; `opened` gets the socket."""
    listening = []
    for endpoint in config.listen:
        service = strports.service(with_deep_queue(endpoint), Factory(), reactor=reactor)
        service.setName(endpoint)
        service.endpoint = HeldEndpoint(service.endpoint, opened)
        listening.append(service)
    return listening


def own_service(endpoint: str, site: Site, config: Config, reactor: Any) -> Service:
    """A service for an endpoint that visitors do not use, which has the endpoint's name.

    A server that takes over from another one waits until that one has closed it.
    """
    service = strports.service(endpoint, site, reactor=reactor)
    service.setName(endpoint)
    if config.take_over:
        service.endpoint = PatientEndpoint(endpoint=service.endpoint, clock=reactor, name=endpoint)
    return service


def with_deep_queue(endpoint: str) -> str:
    """`endpoint` with our backlog; unchanged if it has one, or if we do not open its port."""
    words = re.findall(r"(?:^|:)((?:\\.|[^\\:])*)", endpoint)
    while words[0] == "haproxy" and len(words) > 1:
        del words[0]
    place = _BACKLOG_AT.get(words[0])
    positional = [word for word in words if "=" not in word]
    if place is None or len(positional) > place or any(w.startswith("backlog=") for w in words):
        return endpoint
    return f"{endpoint}:backlog={BACKLOG}"
