"""``/status.json``: the server's version, sandbox and load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx import __version__
from sagecell_tx.http.admin.merging import STATUS, AskPeers, merged_status, nobody
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.serving.parameters import present
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import HostService

#: The purposes whose queues visitors wait in.
QUEUES = (Purpose.KERNEL, Purpose.SERVICE, Purpose.COMPLETER)


@define(kw_only=True)
class Status:
    """The route ``/status.json``. `ready` gives the number of kernels that are ready.

    `beside` asks the other web processes of the same server.
    """

    fleet: Fleet
    host: HostService
    ready: Callable[[], int]
    beside: AskPeers = nobody

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/status.json``."""
        root.putChild(b"status.json", Mounted(self.app))

    @app.route("/", methods=["GET"])
    async def show(self, request: IRequest) -> bytes:
        """The version, the sandbox level, and counts of kernels, waiting visitors and refusals.

        With ``?ready=1``, it is an error while no kernel is started: with 404, at which HAProxy gives a
        server nothing new, and goes on with what it has.
        """
        cors.allow(request, anyone=True)
        request.setHeader("Cache-Control", "no-store")
        if present(request, "ready"):
            self._check_ready()
        return json_body(request, await self.whole())

    def _check_ready(self) -> None:
        """Raises `Problem` while no kernel is started."""
        if self.fleet.draining is not None:
            why = refusals.draining()
        elif self.host.status.starting:
            why = refusals.loading()
        else:
            return
        raise Problem(404, why.code, why.message)

    async def whole(self) -> dict[str, Any]:
        """What is published, as a JSON object, of all web processes of the server."""
        return merged_status(self.fields(), await self.beside(STATUS))

    def fields(self) -> dict[str, Any]:
        """The same of this process."""
        limits, admission = self.fleet.limits.admission, self.fleet.admission
        host, left = self.host.status, self.fleet.draining
        return {
            "version": __version__,
            "starting": host.starting,
            "draining": None if left is None else {"seconds_left": round(left)},
            "environment": host.environment,
            "languages": list(host.languages),
            "versions": dict(host.versions),
            "sandbox": host.sandbox,
            "features": list(host.features),
            "unbounded": list(host.unbounded),
            "kernels": {
                "running": len(self.fleet),
                "ready": self.ready(),
                "limit": limits.kernels + limits.service_kernels + 1,  # the completer
                "ended": _by_word(self.fleet.deaths.total),
                "ended_lately": _by_word(self.fleet.deaths.recent()),
            },
            "queue": {purpose.value: admission.waiting(purpose) for purpose in QUEUES},
            "refused": dict(admission.refused),
            "messages_rejected": dict(host.rejected),
        }


def _by_word(deaths: Counter[Reason]) -> dict[str, int]:
    return {reason.value: count for reason, count in deaths.items()}
