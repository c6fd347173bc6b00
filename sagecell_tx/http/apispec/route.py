"""``GET /api/spec.json``."""

from __future__ import annotations

from attrs import define, field
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx.http.apispec.document import document
from sagecell_tx.http.jupyter.answers import handle_problems_for_jupyter
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.limits import RequestLimits
from sagecell_tx.wire.messages import dump


@define(kw_only=True)
class ApiSpec:
    """The route ``/api/spec.json``. `baseurl` precedes the paths that it describes."""

    limits: RequestLimits
    baseurl: str = ""
    _written: bytes = field(init=False)

    app = Klein()
    handle_problems_for_jupyter(app)

    def __attrs_post_init__(self) -> None:
        self._written = dump(document(self.limits, self.baseurl))

    def mount(self, root: Resource) -> None:
        """Serve ``spec.json`` below ``/api``, which is `root`."""
        root.putChild(b"spec.json", Mounted(self.app))

    @app.route("/", methods=["GET"])
    def show(self, request: IRequest) -> bytes:
        """The OpenAPI document of all below ``/api``."""
        request.setHeader("Content-Type", "application/json")
        return self._written
