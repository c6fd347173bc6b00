"""Whether a request means this server: a page of a stranger may have a name that leads here.

Its name server may resolve the name to an address of the page's own first, and to this server's later (DNS rebinding). The
browser then takes this server for the page's own, and lets the page read it; but it tells the name in Host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.cors import header
from sagecell_tx.http.serving.errors import Problem


def check_host(request: IRequest, hosts: Collection[str], sentence: str) -> None:
    """Raises `Problem` with `sentence` if Host is neither an address, nor localhost, nor one of `hosts`.

    `hosts` are in lower case.
    """
    if not _is_ours(header(request, b"host"), hosts):
        raise Problem(421, "unknown_host", sentence)


def _is_ours(host: str, hosts: Collection[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in hosts:
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
