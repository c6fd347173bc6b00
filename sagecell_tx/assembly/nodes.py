"""The servers of one machine: this one's sockets for the others, and what it forwards to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagecell_tx.assembly.identifiers import since_boot
from sagecell_tx.config import Config, ConfigError
from sagecell_tx.http.jupyter.api import JupyterApi
from sagecell_tx.http.nodes.control import ControlRoutes
from sagecell_tx.http.nodes.forwarding import Forwarding
from sagecell_tx.http.nodes.kernelids import LAST_NODE
from sagecell_tx.http.nodes.remotekernels import MOST, RECEIVED, RemoteKernels
from sagecell_tx.http.nodes.siblings import Siblings
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.sockjs.routes import SockJS
from sagecell_tx.http.urltree import Routes
from sagecell_tx.sessions.fleet.fleet import Fleet


def check_node(config: Config) -> None:
    """Raises `ConfigError` for a number that no node can have, or none where one is needed."""
    if not 0 <= config.node <= LAST_NODE:
        raise ConfigError(f"node: expected a number from 1 to {LAST_NODE}, not {config.node}")
    if config.take_over and not config.node:
        raise ConfigError("take_over: only a server with a number (node) takes over from another")


def siblings_and_forwarding(
    config: Config,
    reactor: Any,
    web: WebServer,
    routes: Sequence[Routes],
    fleet: Fleet,
    drain: Callable[[bool], None],
    own: Mapping[str, Callable[[], Any]] | None = None,
    stop: Callable[[str], bool] = lambda _: False,
    built: float | None = None,
) -> tuple[Siblings, Forwarding]:
    """The other servers, and what is forwarded to them; for the last four see `ControlRoutes`.

    By default, it was built now.
    """

    def has_sockjs(name: str) -> bool:
        services = (each for each in routes if isinstance(each, SockJS))
        return any(service.connections.has(name) for service in services)

    def listed(which: str, key: str) -> list[dict[str, Any]]:
        interfaces = [each for each in routes if isinstance(each, JupyterApi)]
        return [model for each in interfaces for model in each.listed(which, key)]

    built = since_boot() if built is None else built
    control = ControlRoutes(
        node=config.node,
        built=built,
        fleet=fleet,
        drain=drain,
        has_sockjs=has_sockjs,
        listed=listed,
        own=own or {},
        stop=stop,
    )
    siblings = Siblings(
        reactor=reactor,
        nodes=config.nodes,
        built=built,
        forwarded=web.site(routes),
        control=control.site(reactor),
    )
    forwarding = Forwarding(
        siblings=siblings,
        kernels=RemoteKernels(
            siblings=siblings,
            baseurl=config.prefix,
            # Any kernel may be that of another worker.
            most=max(MOST, config.limits.admission.kernels) if config.nodes.workers else MOST,
            most_received=max(RECEIVED, 2 * config.limits.messages.kernel_message_bytes),
        ),
        is_draining=lambda: fleet.draining is not None,
        has_sockjs=has_sockjs,
        baseurl=config.prefix,
    )
    return siblings, forwarding
