"""``/api/status``: the server's version, sandbox and load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx import __version__
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import handle_problems, json_body
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import HostService


@define(kw_only=True)
class Status:
    """Routes below ``/api``. `ready` gives the number of kernels that are ready."""

    fleet: Fleet
    host: HostService
    ready: Callable[[], int]

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve all below ``/api``."""
        root.putChild(b"api", Mounted(self.app))

    @app.route("/status", methods=["GET"])
    def status(self, request: IRequest) -> bytes:
        """The version, the sandbox level, and counts of kernels, waiting visitors and refusals."""
        cors.allow(request, anyone=True)
        limits, admission = self.fleet.limits.admission, self.fleet.admission
        request.setHeader("Cache-Control", "no-store")
        host = self.host.status
        return json_body(
            request,
            {
                "version": __version__,
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
                "queue": {purpose.value: admission.waiting(purpose) for purpose in Purpose},
                "refused": dict(admission.refused),
                "messages_rejected": dict(host.rejected),
            },
        )


def _by_word(deaths: Counter[Reason]) -> dict[str, int]:
    return {reason.value: count for reason, count in deaths.items()}
