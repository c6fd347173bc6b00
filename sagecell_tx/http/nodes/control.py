"""What the servers of one machine, and its operator, ask a server: HTTP on a UNIX socket.

    -> GET  /                    <- {"pid": 812, "node": 1, "sessions": 5, "draining": null}
    -> POST /drain               <- the same, with {"seconds_left": 300}
    -> POST /drain?successor=1   the same, as another server receives all that is new
    -> GET  /sockjs/<name>       <- 204 if that connection is here, else 404

Only this account can connect to the socket.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.server import Site

from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.serving.parameters import present
from sagecell_tx.sessions.fleet.fleet import Fleet


@define(kw_only=True)
class ControlRoutes:
    """The routes. `drain` drains the server; its argument tells whether there is a successor."""

    node: int
    fleet: Fleet
    drain: Callable[[bool], None]
    has_sockjs: Callable[[str], bool]

    app = Klein()
    handle_problems(app)

    def site(self, reactor: Any) -> Site:
        """The factory for connections to these routes."""
        made = Site(self.app.resource(), reactor=reactor)
        made.noisy = False
        made.log = _log_nothing  # type: ignore[method-assign]
        return made

    @app.route("/", methods=["GET"])
    def show(self, request: IRequest) -> bytes:
        """The server's process, and what is left to it."""
        left = self.fleet.draining
        return json_body(
            request,
            {
                "pid": os.getpid(),
                "node": self.node,
                "sessions": len(self.fleet),
                "draining": None if left is None else {"seconds_left": round(left)},
            },
        )

    @app.route("/drain", methods=["POST"])
    def begin_draining(self, request: IRequest) -> bytes:
        """Drain the server, unless it does already."""
        if self.fleet.draining is None:
            self.drain(present(request, "successor"))
        return self.show(request)

    @app.route("/sockjs/<name>", methods=["GET"])
    def find_sockjs(self, request: IRequest, name: str) -> bytes:
        """Whether there is a SockJS connection of this name."""
        if not self.has_sockjs(name):
            raise Problem(404, "not_found", "There is no such connection.")
        request.setResponseCode(204)
        return b""


def _log_nothing(request: object) -> None:
    """Write no line to the access log."""
