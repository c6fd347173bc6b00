"""The tree of URLs, and how routes come into it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from klein import Klein
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from typing_extensions import override
from werkzeug.exceptions import HTTPException

from sagecell_tx.http.serving.errors import Problem, problem_from


class Routes(Protocol):
    """A family of URLs, which knows where it stands."""

    def mount(self, root: Resource) -> None:
        """Become children of `root`, which is ``/``, or the prefix of all paths."""


class Mounted(Resource):
    """A Klein application below a first part of the path; without more, its route is ``/``.

    With a `name`, that first part of the path is one of its own routes.
    """

    isLeaf = True  # noqa: N815

    def __init__(self, app: Klein, name: bytes | None = None) -> None:
        super().__init__()
        self._resource = app.resource()
        self._before = [] if name is None else [name]

    @override
    def render(self, request: Request) -> Any:
        """Answer through Klein, which would redirect from an empty path to a slash."""
        request.postpath = [*self._before, *(request.postpath or [])] or [b""]
        try:
            for part in (request.method, request.getHeader(b"host") or b"", *request.postpath):
                part.decode("utf-8")
            return self._resource.render(request)
        except UnicodeDecodeError:
            problem = Problem(400, "bad_request", "The request is not UTF-8 text.")
        except HTTPException as error:  # the router does not like the host
            problem = problem_from(error)
        return problem.render(request)


class Root(Resource):
    """What is below ``/``; what is not is refused as everything else is, in JSON."""

    @override
    def getChild(self, path: bytes, request: Request) -> IResource:
        """Nothing has this name."""
        return Unknown()

    @override
    def render(self, request: Request) -> bytes:
        """A prefix without the slash that ends it: without it, no relative address is right."""
        path, mark, query = request.uri.partition(b"?")
        request.setResponseCode(301)
        request.setHeader(b"Location", path + b"/" + mark + query)
        return b""


class Unknown(Resource):
    """A path that leads nowhere."""

    isLeaf = True  # noqa: N815

    @override
    def render(self, request: Request) -> bytes:
        """Say so."""
        return Problem(404, "not_found", "There is nothing here.").render(request)


def url_tree(routes: Iterable[Routes], baseurl: str) -> Root:
    """The tree of all URLs. With a `baseurl`, such as ``/cells``, each begins with that."""
    tree = Root()
    for each in routes:
        each.mount(tree)
    for part in reversed(baseurl.split("/")[1:]):
        outer = Root()
        outer.putChild(part.encode("ascii"), tree)
        tree = outer
    return tree
