"""What Jupyter's clients request beside ``/api``: logos, and the page of a notebook server."""

from __future__ import annotations

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx.http.htmlpage import document
from sagecell_tx.http.jupyter.answers import Shared, handle_problems_for_jupyter
from sagecell_tx.http.jupyter.kernelspecs import OfferedSpecs

_TREE = """\
      <h1>Kernels for Jupyter</h1>
      <p>This server runs programs for clients of Jupyter, and has no notebooks itself. Give your client the
        address of <a href="{home}">this server</a>.</p>"""


@define(kw_only=True)
class KernelspecFiles:
    """Routes below ``/kernelspecs``."""

    specs: OfferedSpecs

    app = Klein()
    handle_problems_for_jupyter(app)

    def mount(self, root: Resource) -> None:
        """Serve all below ``/kernelspecs``."""
        root.putChild(b"kernelspecs", Shared(self.app))

    @app.route("/<name>/<file>", methods=["GET"])
    def send(self, request: IRequest, name: str, file: str) -> bytes:
        """Send a file of a kernelspec: one of those that its model names."""
        sent = self.specs.named(name).file(file)
        request.setHeader("Content-Type", sent.media_type)
        request.setHeader("Content-Security-Policy", "default-src 'none'")
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Cache-Control", "max-age=86400")
        return sent.content


@define(kw_only=True)
class Tree:
    """The route ``/tree``: VS Code takes any other answer than 200 as a request for a password."""

    baseurl: str = ""

    app = Klein()
    handle_problems_for_jupyter(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/tree``."""
        root.putChild(b"tree", Shared(self.app))

    @app.route("/", methods=["GET"])
    def show(self, request: IRequest) -> bytes:
        """A page that says what this server is."""
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        home = f"{self.baseurl}/"
        page = document(title="Kernels for Jupyter", home=home, main=_TREE.format(home=home))
        return page.encode("utf-8")
