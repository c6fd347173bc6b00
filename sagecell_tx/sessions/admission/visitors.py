"""Who requests a kernel, as far as it matters to budgets."""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv6Address, ip_address, ip_network

from attrs import frozen


class Purpose(Enum):
    """What a kernel is for. Each purpose has kernels, budgets and a queue of its own."""

    KERNEL = "kernel"
    SERVICE = "service"
    COMPLETER = "completer"
    CHECK = "check"


class Scope(Enum):
    """What visitors are counted by."""

    ADDRESS = "address"
    NETWORK = "network"
    SITE = "site"
    CELL_SESSION = "cell_session"
    KEY = "key"
    ALL = "all"


@frozen(kw_only=True)
class Visitor:
    """Who makes a request. An empty field is unknown, and nothing is counted by it.

    `address` is an IP address, or empty for a program on the server's own machine. `site` is
    the host of the requesting page, `key` the name of the API key in the request.
    """

    purpose: Purpose = Purpose.KERNEL
    address: str = ""
    site: str = ""
    cell_session: str = ""
    key: str = ""

    @property
    def holder(self) -> str:
        """The IPv4 address, or the /64 of an IPv6 one, all of which one holder usually has."""
        return self.network if ":" in self.address else self.address

    @property
    def network(self) -> str:
        """The /24 or /64 around the address, all of which one household or school may have."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return self.address
        bits = 64 if isinstance(address, IPv6Address) else 24
        return str(ip_network(f"{address}/{bits}", strict=False))

    @property
    def origins(self) -> dict[Scope, str]:
        """Where the request comes from: its key if it has one, otherwise address and site."""
        if self.key:
            return {Scope.KEY: self.key}
        places = {Scope.ADDRESS: self.address, Scope.SITE: self.site}
        return {scope: name for scope, name in places.items() if name}

    @property
    def names(self) -> dict[Scope, str]:
        """Everything that the request is counted by."""
        names = dict(self.origins)
        if Scope.ADDRESS in names:
            names[Scope.NETWORK] = self.network
        if self.cell_session:
            names[Scope.CELL_SESSION] = self.cell_session
        return {**names, Scope.ALL: ""}
