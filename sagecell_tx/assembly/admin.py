"""The admin page and its listener, if the settings name one."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument

from sagecell_tx.assembly.listening import check_endpoint, own_service
from sagecell_tx.config import Config, ConfigError
from sagecell_tx.hosts.routing import KernelHost
from sagecell_tx.http.admin.logins import Logins
from sagecell_tx.http.admin.merging import AskPeers
from sagecell_tx.http.admin.overview import Overview
from sagecell_tx.http.admin.page import AdminPage
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.site import WebServer
from sagecell_tx.process.resources import available_memory
from sagecell_tx.sessions.interfaces import KernelMachine, ManyMachines

#: A token: sent literally in a header, and too long to be guessed.
_TOKEN = re.compile(r"[!-~]{16,}")

#: Bytes of a request's body: a token, or nothing.
_BODY = 16 * 1024

#: The interface of endpoints that name none, and its index among their positional parts, of which the kind is the first.
_LOOPBACK = {"tcp": ("127.0.0.1", 2), "tcp6": ("::1", 3), "ssl": ("127.0.0.1", 5)}


def check_admin(config: Config, reactor: Any) -> None:
    """Raises `ConfigError` for what `admin_services` cannot use, before anything is made."""
    for endpoint in config.admin.listen:
        check_endpoint(endpoint, reactor, "admin.listen")
    if config.admin.listen:
        read_token(config.admin.token_file)


def operators_overview(reactor: Any, status: Status, beside: AskPeers) -> Overview:
    """What the page shows; `beside` asks the other web processes of the same server."""
    return Overview(
        status=status,
        clock=reactor,
        salt=secrets.token_bytes(32),
        machines=lambda: seen_machines(status),
        beside=beside,
    )


def admin_services(
    config: Config,
    reactor: Any,
    overview: Overview,
    clients: Clients,
    drain: Callable[[], object] | None,
    stop_elsewhere: Callable[[str], Deferred[bool]],
) -> Sequence[Service]:
    """Services that serve the page, one for each endpoint in ``admin.listen``. Raises `ConfigError`.

    It shares nothing with the server's other listeners, so that an operator gets answers while these are busy.
    """
    settings = config.admin
    if not settings.listen:
        return []
    page = AdminPage(
        logins=Logins(
            token=read_token(settings.token_file),
            clock=reactor,
            entropy=secrets.token_bytes,
            who=clients.holder,
        ),
        overview=overview,
        hosts=settings.hosts,
        drain=drain,
        stop_elsewhere=stop_elsewhere,
        are_behind_proxy=clients.are_behind_proxy,
    )
    web = WebServer(
        reactor=reactor,
        limits=attrs.evolve(config.limits.requests, body_bytes=_BODY),
        clients=clients,
        has_pages=False,
    )
    site, services = web.site([page]), []
    for endpoint in settings.listen:
        service = own_service(on_loopback(endpoint), site, config, reactor)
        service.setName(endpoint)
        services.append(service)
    return services


def seen_machines(status: Status) -> list[KernelMachine]:
    """The machines that run kernels: those that the host knows, or this one."""
    host: object = status.host
    if isinstance(host, KernelHost):
        host = host.forked
    return host.seen_machines() if isinstance(host, ManyMachines) else [this_machine(status)]


def this_machine(status: Status) -> KernelMachine:
    """The machine of this process, which runs all kernels."""
    return KernelMachine(
        name="local",
        state="starting" if status.host.status.starting else "up",
        kernels=len(status.fleet),
        load=round(os.getloadavg()[0], 2),
        memory_available_bytes=available_memory() or None,
    )


def on_loopback(endpoint: str) -> str:
    """`endpoint`, on loopback if it is of TCP and names no interface."""
    words = re.findall(r"(?:^|:)((?:\\.|[^\\:])*)", endpoint)
    while words[0] == "haproxy" and len(words) > 1:
        del words[0]
    interface, place = _LOOPBACK.get(words[0], ("", 0))
    positional = [word for word in words if "=" not in word]
    is_told = len(positional) > place or any(word.startswith("interface=") for word in words)
    return endpoint if is_told else f"{endpoint}:interface={quoteStringArgument(interface)}"


def read_token(path: str) -> str:
    """The token in a file that nobody else may read. Raises `ConfigError`."""
    if not path:
        raise ConfigError("admin.token_file: name a file with the token of the admin page")
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read(4096).decode("latin-1").strip()
    except OSError as error:
        raise ConfigError(f"admin.token_file: {path}: {error.strerror}") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigError(f"admin.token_file: {path}: others may read it: chmod o= {path}")
    if not _TOKEN.fullmatch(token):
        raise ConfigError(f"admin.token_file: {path}: expected 16 visible ASCII characters or more")
    return token
