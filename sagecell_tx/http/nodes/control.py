"""What the servers of one machine, and its operator, ask a server: HTTP on a UNIX socket.

    -> GET  /                    <- {"pid": 812, "node": 1, "sessions": 5, "draining": null}
    -> POST /drain               <- the same, with {"seconds_left": 300}
    -> POST /drain?after=<time>  the same, as a server that was built at that time receives all that is new;
                                 <- 409 if this one was built later
    -> GET  /sockjs?name=<name>  <- 204 if that connection is here, else 404
    -> GET  /kernels?key=<name>  <- what this server has in the list of /api/kernels of the API key of that name
    -> GET  /sessions?key=<name> <- the same for /api/sessions
    -> GET  /own/<what>          <- what a worker tells another one of itself; see http/admin/merging.py
    -> POST /stop?handle=<name>  <- 204 if the session with that handle is here, and is stopped; else 404

Only this account can connect to the socket.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any, Protocol

from attrs import define, field
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.server import Site

from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.serving.parameters import present, seconds, text


class Drained(Protocol):
    """Sessions that may be about to end: those of a fleet, or of a keeper's workers."""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def draining(self) -> float | None:
        """Seconds until those that are left will be ended; None if there is no drain."""


@define(kw_only=True)
class ControlRoutes:
    """The routes. `drain` drains the server; its argument tells whether there is a successor.

    `built` is when the server was, in seconds since the machine was started: of two that would drain one another, the
    later one stays. For `listed` see `JupyterApi.listed`. `own` gives, by name, what this process tells of itself, perhaps by a
    coroutine; `stop` stops the session of a handle, and returns whether there is one.
    """

    node: int
    built: float
    fleet: Drained
    drain: Callable[[bool], None]
    has_sockjs: Callable[[str], bool]
    listed: Callable[[str, str], list[dict[str, Any]]]
    own: Mapping[str, Callable[[], Any]] = field(factory=dict)
    stop: Callable[[str], bool] = lambda _: False

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
        """Drain the server, which goes on if it does already."""
        has_successor = present(request, "after")
        if has_successor and seconds(request, "after") < self.built:
            request.setResponseCode(409)
            return self.show(request)
        self.drain(has_successor)
        return self.show(request)

    @app.route("/kernels", methods=["GET"])
    def list_kernels(self, request: IRequest) -> bytes:
        """The kernels of a key."""
        return json_body(request, self.listed("kernels", text(request, "key")))

    @app.route("/sessions", methods=["GET"])
    def list_sessions(self, request: IRequest) -> bytes:
        """The sessions of a key."""
        return json_body(request, self.listed("sessions", text(request, "key")))

    @app.route("/own/<what>", methods=["GET"])
    async def tell(self, request: IRequest, what: str) -> bytes:
        """What this process tells of itself."""
        if what not in self.own:
            raise Problem(404, "not_found", "There is nothing of that name.")
        told = self.own[what]()
        return json_body(request, await told if isawaitable(told) else told)

    @app.route("/stop", methods=["POST"])
    def stop_session(self, request: IRequest) -> bytes:
        """Stop a session of this process."""
        if not self.stop(text(request, "handle")):
            raise Problem(404, "not_found", "There is no such session.")
        request.setResponseCode(204)
        return b""

    @app.route("/sockjs", methods=["GET"])
    def find_sockjs(self, request: IRequest) -> bytes:
        """Whether there is a SockJS connection of this name."""
        if not self.has_sockjs(text(request, "name")):
            raise Problem(404, "not_found", "There is no such connection.")
        request.setResponseCode(204)
        return b""


def _log_nothing(request: object) -> None:
    """Write no line to the access log."""
