"""``/api/status``: what this server is and how it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest

from sagecell_tx import __version__
from sagecell_tx.http import origins
from sagecell_tx.http.problems import handle_problems, json_body
from sagecell_tx.sessions.fleet import Fleet
from sagecell_tx.sessions.visitors import Purpose


@define(kw_only=True)
class Status:
    """Routes below ``/api``. `sandbox` tells the level, `rejected` counts dropped messages."""

    fleet: Fleet
    sandbox: Callable[[], str]
    rejected: Counter[str]

    app = Klein()
    handle_problems(app)

    @app.route("/status", methods=["GET"])
    def status(self, request: IRequest) -> bytes:
        """Version, sandbox level, kernels, who waits and who was refused."""
        origins.allow(request, anyone=True)
        limits, admission = self.fleet.limits, self.fleet.admission
        request.setHeader("Cache-Control", "no-store")
        return json_body(
            request,
            {
                "version": __version__,
                "sandbox": self.sandbox(),
                "kernels": {
                    "running": len(self.fleet),
                    "limit": limits.kernels + limits.service_kernels,
                    "ended": {reason.value: count for reason, count in self.fleet.deaths.items()},
                },
                "queue": {purpose.value: admission.waiting(purpose) for purpose in Purpose},
                "refused": dict(admission.refused),
                "messages_rejected": dict(self.rejected),
            },
        )
