"""What visitors read when their program asks for a network, or a host, that it cannot reach."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator, Sequence

from sagecell_tx.kernelside.startcommand import MOST_HOSTS

_NO_ROUTE = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH})

#: What the proxy answers for a host that is not allowed, as http.client words it.
_REFUSED = "Tunnel connection failed: 403"

#: The most errors of a chain of causes that are looked at.
_CHAIN = 100

#: Commands that only a network lets succeed, mostly.
_COMMANDS = re.compile(
    r"\b(?:(?:pip3?|conda|mamba|uv|npm|apt|apt-get)\b.*\b(?:install|download|update)"
    r"|git\s+(?:clone|fetch|pull)|curl|wget)\b"
)


def sentence(network: str, hosts: Sequence[str]) -> str:
    """The sentence for `KernelEnvironment.network`; empty where errors are the network's own."""
    match network:
        case "none":
            return "Programs on this server have no network."
        case "proxy":
            # The command has no room for more.
            more = ", and others" if len(hosts) >= MOST_HOSTS else ""
            return f"Programs on this server reach only these hosts: {', '.join(hosts)}{more}."
        case _:
            return ""


def is_unreachable(error: BaseException) -> bool:
    """Whether a host could not be reached, in an error or one of its causes."""
    try:
        return any(
            isinstance(each, socket.gaierror)
            or (isinstance(each, OSError) and (each.errno in _NO_ROUTE or _REFUSED in str(each)))
            for each in _causes(error)
        )
    except Exception:  # of the program's own classes
        return False


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it, the ones that libraries wrap included."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending and len(seen) < _CHAIN:
        each = pending.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # urllib and urllib3 have the error in `reason`, requests among the arguments.
        wrapped = each.args if isinstance(each.args, tuple) else ()
        pending += [each.__cause__, each.__context__, getattr(each, "reason", None), *wrapped]


def needs_network(command: str) -> bool:
    """Whether a shell command installs or downloads something."""
    return _COMMANDS.search(command) is not None
