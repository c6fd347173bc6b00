"""Who makes a request of Jupyter's clients: whoever has a token, which is one of the API keys.

Without a token, or with an empty one, a client is anonymous. Source: "Security in the Jupyter
Server" in the documentation of Jupyter Server.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from attrs import frozen
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.cors import header
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parameters import text
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor

_AUTHORIZATION = re.compile(r"\s*(?:token|bearer)\s+(\S.*)", re.IGNORECASE)

#: What precedes a token among the subprotocols of a WebSocket, whose headers a page cannot set.
_SUBPROTOCOL = "v1.token.websocket.jupyter.org."


def token(request: IRequest) -> str:
    """The token of a request; "" if it has none. That of the query takes precedence."""
    return text(request, "token").strip() or _in_headers(request)


def _in_headers(request: IRequest) -> str:
    """The token in Authorization, of either scheme, or among the subprotocols."""
    match = _AUTHORIZATION.fullmatch(header(request, b"authorization"))
    if match:
        return match[1].strip()
    for offered in header(request, b"sec-websocket-protocol").split(","):
        if offered.strip().startswith(_SUBPROTOCOL):
            return unquote(offered.strip().removeprefix(_SUBPROTOCOL))
    return ""


@frozen(kw_only=True)
class Identities:
    """Identifies the clients below ``/api`` by their tokens."""

    clients: Clients

    def visitor(self, request: IRequest) -> Visitor:
        """Who makes a request. Raises `Problem` for an unknown token: 403, as Jupyter Server does; and for a page that may have no kernels.

        It is never taken for the name of somebody new, which a stranger could guess.
        """
        self.clients.check_page(request)
        sent = token(request)
        name = self.clients.key_name(sent) if sent else ""
        if sent and not name:
            raise Problem(403, "unknown_key", "This server does not know this token.")
        return self.clients.visitor(request, Purpose.KERNEL, key=name)


def identity_model(visitor: Visitor) -> dict[str, str | None]:
    """The model of whoever makes a request, as ``/api/me`` has it."""
    name = visitor.key or "anonymous"
    return {
        "username": name,
        "name": name,
        "display_name": name,
        "initials": name[:2].upper(),
        "avatar_url": None,
        "color": None,
    }
