"""The resource tree, and how routes are added to it."""

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
    """A family of URLs, which knows its own paths."""

    def mount(self, root: Resource) -> None:
        """Add children to `root`, which is ``/``, or the prefix of all paths."""


class Mounted(Resource):
    """A Klein application at the first part of a path. Its routes begin after that part, at ``/``.

    With a `name`, the routes include the first part of the path, which is `name`.
    """

    isLeaf = True  # noqa: N815

    def __init__(self, app: Klein, name: bytes | None = None) -> None:
        super().__init__()
        self._resource = app.resource()
        self._before = [] if name is None else [name]

    @override
    def render(self, request: Request) -> Any:
        """Answer by Klein, which is given ``/`` for an empty path, as it would redirect that."""
        request.postpath = [*self._before, *(request.postpath or [])] or [b""]
        try:
            for part in (request.method, request.getHeader(b"host") or b"", *request.postpath):
                part.decode("utf-8")
            return self._resource.render(request)
        except UnicodeDecodeError:
            problem = Problem(400, "bad_request", "The method, host or path is not UTF-8.")
        except HTTPException as error:  # the router refuses the host
            problem = problem_from(error)
        return problem.render(request)


class Root(Resource):
    """The root of the tree. Unknown paths are answered in JSON."""

    @override
    def getChild(self, path: bytes, request: Request) -> IResource:
        """The resource for a child that does not exist."""
        return Unknown()

    @override
    def render(self, request: Request) -> bytes:
        """Redirect from a prefix without its final slash, on which relative links depend."""
        path, mark, query = request.uri.partition(b"?")
        request.setResponseCode(301)
        request.setHeader(b"Location", path + b"/" + mark + query)
        return b""


class Unknown(Resource):
    """The resource of every unknown path."""

    isLeaf = True  # noqa: N815

    @override
    def render(self, request: Request) -> bytes:
        """Answer with 404."""
        return Problem(404, "not_found", "There is nothing at this address.").render(request)


def url_tree(routes: Iterable[Routes], baseurl: str) -> Root:
    """The tree of all routes. With a `baseurl`, such as ``/cells``, all paths begin with it."""
    tree = Root()
    for each in routes:
        each.mount(tree)
    for part in reversed(baseurl.split("/")[1:]):
        outer = Root()
        outer.putChild(part.encode("ascii"), tree)
        tree = outer
    return tree
