"""The other servers of this machine, as one server sees them: its own sockets for them, and theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from errno import ENOENT
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from attrs import define, field
from twisted.application.service import Service
from twisted.internet import error
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.defer import TimeoutError as DeadlineReached
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.haproxy import proxyEndpoint
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.iweb import IAgentEndpointFactory, IResponse
from typing_extensions import override
from zope.interface import implementer

from sagecell_tx.process.nodes import Nodes
from sagecell_tx.sessions.waiters import OneShot

_log = Logger()

#: Seconds in which another server answers, and a worker tells of itself.
_PATIENCE = 5.0
_TELLING = 2.0

#: Seconds in which one answers that has not in time, until it does: one that hangs must not hold everybody.
_LITTLE_PATIENCE = 0.5

#: Connections that may wait to be accepted: a class polls at once.
_BACKLOG = 1024

#: Called with an answer: the node, its head and its body.
Told = Callable[[int, IResponse, bytes], None]


def is_gone(why: BaseException | None) -> bool:
    """Whether nobody listens on a socket. A crowded one ends the connection."""
    return isinstance(why, error.ConnectionRefusedError) or (
        isinstance(why, error.ConnectError) and why.osError == ENOENT
    )


def _too_late(_: object, seconds: float) -> NoReturn:
    # A request that is cancelled fails with an error of its own.
    raise DeadlineReached(f"nothing in {seconds:g} seconds")


@implementer(IAgentEndpointFactory)
@define
class _ControlSockets:
    """The endpoints of requests to other servers: the host in their URL is the node's number."""

    _reactor: Any
    _nodes: Nodes

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:  # noqa: N802
        path = str(self._nodes.control(int(uri.host)))
        return UNIXClientEndpoint(self._reactor, path, int(_PATIENCE))


@define(eq=False)
class AnswerBody(Protocol):
    """Collects the body of an answer; `read` fires with it."""

    read: Deferred[bytes] = field(factory=Deferred, init=False)
    _parts: list[bytes] = field(factory=list, init=False)

    @override
    def dataReceived(self, data: bytes) -> None:
        """A part of it."""
        self._parts.append(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """All of it has arrived, or the other server has ended."""
        if self.read.called:
            return
        if reason.check(ResponseDone):
            self.read.callback(b"".join(self._parts))
        else:
            self.read.errback(reason)


@define(kw_only=True, eq=False)
class Siblings(Service):
    """Listens for the other servers, and asks them.

    `forwarded` takes the connections of clients that others received, `control` answers the others
    themselves. Where a server has no number, there are no others, and only `control` is served. For `built` see
    `ControlRoutes`.
    """

    reactor: Any
    nodes: Nodes
    built: float
    forwarded: IProtocolFactory
    control: IProtocolFactory
    _agent: Agent = field(init=False)
    _ports: list[IListeningPort] = field(factory=list, init=False)
    _late: set[int] = field(factory=set, init=False)  # have not answered in time, and not since
    _asking: dict[str, OneShot[list[dict[str, Any]]]] = field(factory=dict, init=False)
    _told: dict[tuple[int, str], dict[str, Any]] = field(
        factory=dict, init=False
    )  # by workers, the latest

    def __attrs_post_init__(self) -> None:
        sockets = _ControlSockets(self.reactor, self.nodes)
        self._agent = Agent.usingEndpointFactory(self.reactor, sockets)

    @override
    def startService(self) -> None:
        """Listen. The directory is this server's own; what an earlier one left in it is gone."""
        super().startService()
        own = self.nodes.own
        listening = [self._endpoint(self.nodes.control(own)).listen(self.control)]
        if own:
            endpoint = proxyEndpoint(self._endpoint(self.nodes.forward(own)))
            listening.append(endpoint.listen(self.forwarded))
        for each in listening:
            each.addCallback(self._ports.append)
            each.addErrback(lambda failure: _log.failure("no socket for other servers", failure))

    def _endpoint(self, path: Path) -> UNIXServerEndpoint:
        return UNIXServerEndpoint(self.reactor, str(path), backlog=_BACKLOG, mode=0o600)

    @override
    def stopService(self) -> Deferred[None]:
        """Listen no longer; fires when the sockets are gone."""
        super().stopService()
        closing = [port.stopListening() for port in self._ports]
        self._ports.clear()
        gone = DeferredList([each for each in closing if each is not None])
        return gone.addCallback(lambda _: None)

    # --- the others

    @property
    def successors(self) -> Sequence[int]:
        """The other servers that admit visitors."""
        return [node for node in self.nodes.others if not self.nodes.is_draining(node)]

    @property
    def asked(self) -> Sequence[int]:
        """The other servers that may have what a request of a client here is about: those that drain, and workers of the same keeper."""
        peers = self.nodes.peers
        return [node for node in self.nodes.others if node in peers or self.nodes.is_draining(node)]

    def mark_draining(self) -> None:
        """Let the others send this server no more new visitors."""
        try:
            self.nodes.mark_draining()
        except OSError:
            _log.failure("the other servers cannot be told of the drain")

    def take_over(self) -> Deferred[None]:
        """Drain all others, and let those that do already know; fires when they have begun, and never fails.

        Not the other workers of the same keeper.
        """
        return self._ask_all(
            self.nodes.strangers, "POST", f"/drain?after={self.built}", self._drains
        )

    def _drains(self, node: int, response: IResponse, _: bytes) -> None:
        if response.code == 200:
            _log.info("node {node} drains, and this server takes over", node=node)
        else:
            _log.warn("node {node} does not drain: it was started later", node=node)

    def _ask_all(
        self,
        nodes: Sequence[int],
        method: str,
        path: str,
        told: Told,
        patience: float = _PATIENCE,
    ) -> Deferred[None]:
        """Ask some servers; `told` is called with each answer: node, head and body. Never fails."""
        asked = []
        for node in nodes:
            is_late = method == "GET" and node in self._late
            waits = _LITTLE_PATIENCE if is_late else patience
            answer = Deferred.fromCoroutine(self._ask(node, method, path, told, waits))
            asked.append(answer.addErrback(self._unreachable, node))
        return DeferredList(asked).addCallback(lambda _: None)

    def _unreachable(self, failure: Failure, node: int) -> None:
        if is_gone(failure.value):  # one that was killed has left its socket
            self._late.discard(node)
            for key in [key for key in self._told if key[0] == node]:
                del self._told[key]
        elif failure.check(DeadlineReached):
            if node in self._late:
                return  # as was logged
            self._late.add(node)
        _log.info("node {node} does not answer: {why}", node=node, why=failure.getErrorMessage())

    async def _ask(self, node: int, method: str, path: str, told: Told, patience: float) -> None:
        url = f"http://{node}{path}".encode("ascii")
        asked: Deferred[IResponse] = self._agent.request(method.encode("ascii"), url)
        response = await asked.addTimeout(patience, self.reactor, _too_late)
        body = AnswerBody()
        response.deliverBody(body)
        answer = await body.read.addTimeout(patience, self.reactor, _too_late)
        self._late.discard(node)
        told(node, response, answer)

    def _first(self, nodes: Sequence[int], method: str, path: str) -> Deferred[int | None]:
        """Fires with the first server that says yes, with 204; with None if none does."""
        found: OneShot[int | None] = OneShot()

        def told(node: int, response: IResponse, _: bytes) -> None:
            if response.code == 204:
                found.fire(node)

        self._ask_all(nodes, method, path, told).addCallback(lambda _: found.fire(None))
        return found.when_fired()

    def who_has_sockjs(self, name: str) -> Deferred[Sequence[int]]:
        """Fires with the other server that has a SockJS connection, alone; with none if none has."""
        found = self._first(self.asked, "GET", f"/sockjs?name={quote(name, safe='')}")
        return found.addCallback(lambda node: [] if node is None else [node])

    def of_peers(self, what: str) -> Deferred[list[dict[str, Any]]]:
        """Fires with what each other worker of the same keeper tells of itself; see `ControlRoutes.own`.

        One that does not answer in time counts as it was when it last did, or counters would fall and rise again.
        Who asks while others wait for the answers gets the same ones: anybody may ask for the status.
        """
        if what in self._asking:
            return self._asking[what].when_fired()
        peers = self.nodes.peers
        self._asking[what] = asking = OneShot[list[dict[str, Any]]]()

        def told(node: int, response: IResponse, body: bytes) -> None:
            if response.code == 200:
                self._told[node, what] = json.loads(body)

        def over(_: None) -> None:
            del self._asking[what]
            asking.fire([self._told[node, what] for node in peers if (node, what) in self._told])

        self._ask_all(peers, "GET", f"/own/{what}", told, _TELLING).addCallback(over)
        return asking.when_fired()

    def stop(self, handle: str) -> Deferred[bool]:
        """Fires with whether another worker had the session of that handle, which it has stopped."""
        found = self._first(self.nodes.peers, "POST", f"/stop?handle={quote(handle, safe='')}")
        return found.addCallback(lambda node: node is not None)

    def listed(self, which: str, key: str) -> Deferred[list[dict[str, Any]]]:
        """Fires with what the other servers have in the list "kernels" or "sessions" of a key."""
        found: list[dict[str, Any]] = []

        def told(node: int, response: IResponse, body: bytes) -> None:
            if response.code == 200:
                found.extend(json.loads(body))

        path = f"/{which}?key={quote(key, safe='')}"
        asked = self._ask_all(self.asked, "GET", path, told)
        return asked.addCallback(lambda _: found)
