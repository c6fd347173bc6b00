"""Forwards requests to the server of this machine that they belong to.

While two versions of the server run, each new connection is the new version's. What it asks about a
kernel of the old version, to poll it or for a file, is the old one's to answer: the id of the kernel
says so. The old version forwards the other way: what clients ask anew on connections that they still have to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from typing_extensions import override

from sagecell_tx.http.nodes.remotekernels import RemoteKernels
from sagecell_tx.http.nodes.routing import Named, named_by
from sagecell_tx.http.nodes.siblings import Siblings, is_gone
from sagecell_tx.http.nodes.splice import Upstream
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem

_log = Logger()

#: How long a process that stops waits for the rest of what its peers, which stop too, tell clients that are connected
#: here, and how often it looks, in seconds.
FAREWELL = 3.0
_LOOK = 0.05

#: Seconds in which another server accepts a connection.
_PATIENCE = 5


@define(kw_only=True, eq=False)
class Forwarding:
    """Chooses the requests that another server answers.

    `is_draining` tells whether this server is, `has_sockjs` whether it has a SockJS connection of that name. Paths
    begin with `baseurl`.
    """

    siblings: Siblings
    kernels: RemoteKernels
    is_draining: Callable[[], bool]
    has_sockjs: Callable[[str], bool]
    baseurl: str = ""
    _joined: set[Upstream] = field(factory=set, init=False)

    @property
    def joined(self) -> int:
        """How many connections are joined to another server."""
        return len(self._joined) + len(self.kernels)

    def when_left(self) -> Deferred[None]:
        """Fires when no connection is joined, or after `FAREWELL` seconds: for a process whose peers stop as well."""
        left: Deferred[None] = Deferred()
        clock = self.siblings.reactor
        end = clock.seconds() + FAREWELL

        def look() -> None:
            if self.joined and clock.seconds() < end:
                clock.callLater(_LOOK, look)
            else:
                left.callback(None)

        look()
        return left

    def resource(self, request: Request, own: Callable[[Request], IResource]) -> IResource | None:
        """What answers a request that may be another server's; None for one that is this server's.

        `own` gives what answers it here, if the other server cannot.
        """
        siblings = self.siblings
        if not siblings.nodes.own:
            return None
        named = named_by(request, self.baseurl)
        is_here = (
            named.here
            or named.node == siblings.nodes.own
            or (named.sockjs and self.has_sockjs(named.sockjs))
        )
        if named.key and siblings.nodes.workers and not self.is_draining():
            is_here = siblings.nodes.owner(named.key) == siblings.nodes.own
            return None if is_here else Forwarded(self, named, own)
        is_new = named.node is None and not (named.sockjs and siblings.asked)
        if is_here or (is_new and not self.is_draining()):
            return None
        return Forwarded(self, named, own)

    async def find(self, named: Named) -> Sequence[int]:
        """The servers that can answer a request, any of them; none for this one."""
        siblings = self.siblings
        if named.node is not None:
            return [named.node] if named.node in siblings.nodes.others else []
        if named.sockjs:
            found = await siblings.who_has_sockjs(named.sockjs)
            if found:
                return found
        if self.is_draining():
            return siblings.successors
        return [siblings.nodes.owner(named.key)] if named.key and siblings.nodes.workers else []

    async def connect_to_one(self, nodes: Sequence[int]) -> Upstream | None:
        """Connect to the first that can be reached, or to none: one that was killed has left its sockets.

        Raises `Problem` if there is one that lives, and accepts no connection now.
        """
        is_crowded = False
        for node in nodes:
            try:
                return await self._connect(node)
            except Exception as failed:  # of the reactor, and of the system
                _log.info("node {node} cannot be reached: {why}", node=node, why=str(failed))
                is_crowded = is_crowded or not is_gone(failed)
        if is_crowded:
            sentence = "The server of this machine that can answer is busy. Please try again."
            raise Problem(503, "busy", sentence, headers={"Retry-After": "1"})
        return None

    def _connect(self, node: int) -> Deferred[Upstream]:
        siblings = self.siblings
        upstream = Upstream(siblings.reactor, lambda: self._joined.discard(upstream))
        path = str(siblings.nodes.forward(node))
        endpoint = UNIXClientEndpoint(siblings.reactor, path, _PATIENCE)
        factory = Factory.forProtocol(lambda: upstream)
        factory.noisy = False
        connected: Deferred[Upstream] = endpoint.connect(factory)
        return connected.addCallback(self._connected)

    def _connected(self, upstream: Upstream) -> Upstream:
        self._joined.add(upstream)
        return upstream


class Forwarded(Resource):
    """Answers one request by another server; by this one if that cannot be reached."""

    isLeaf = True  # noqa: N815

    def __init__(
        self, forwarding: Forwarding, named: Named, own: Callable[[Request], IResource]
    ) -> None:
        super().__init__()
        self._forwarding, self._named, self._own = forwarding, named, own
        self._client_is_gone = False

    @override
    def render(self, request: Request) -> Any:
        """Find the other server and connect to it, then let it answer."""
        gone: Deferred[None] = request.notifyFinish()
        gone.addErrback(self._gone)
        answered = Deferred.fromCoroutine(self._answer(request))
        answered.addErrback(lambda failure: _log.failure("a request was not forwarded", failure))
        return NOT_DONE_YET

    def _gone(self, _: Failure) -> None:
        self._client_is_gone = True

    async def _answer(self, request: Request) -> None:
        nodes = await self._forwarding.find(self._named)
        try:
            self._join(await self._forwarding.connect_to_one(nodes), request)
        except Problem as problem:
            if not self._client_is_gone:
                request.render(_Refused(problem))

    def _join(self, upstream: Upstream | None, request: Request) -> None:
        if self._client_is_gone:
            if upstream is not None and upstream.transport is not None:
                upstream.transport.loseConnection()
        elif upstream is None:
            request.render(self._own(request))
        else:
            upstream.join(request)


class _Refused(Resource):
    """Answers with a problem."""

    isLeaf = True  # noqa: N815

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self._problem = problem

    @override
    def render(self, request: Request) -> bytes:
        """Tell it to the pages of all origins."""
        cors.allow(request)
        return self._problem.render(request, with_reason=True)
