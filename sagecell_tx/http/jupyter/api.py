"""``/api``: the REST interface of Jupyter Server 2.21, for its clients, unmodified.

docs/jupyter.rst says what differs, and why. The messages of a kernel are exchanged by `channels`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource

from sagecell_tx import __version__
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.jupyter.answers import Shared, handle_problems_for_jupyter
from sagecell_tx.http.jupyter.bodies import Changes, json_object, string
from sagecell_tx.http.jupyter.identity import Identities, identity_model
from sagecell_tx.http.jupyter.kernels import JupyterKernel, JupyterKernels
from sagecell_tx.http.jupyter.models import Models
from sagecell_tx.http.jupyter.sessions import NamedSessions
from sagecell_tx.http.serving.errors import Problem, json_body
from sagecell_tx.http.serving.parameters import text
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.urltree import Routes
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.wire.messages import WireError, parse_json

#: The version of Jupyter Server whose interface this is.
INTERFACE = "2.21.0"

#: What clients may do here, by the names of Jupyter Server's resources; all may do the same.
_PERMISSIONS = {
    "api": ("read",),
    "kernels": ("read", "write", "execute"),
    "kernelspecs": ("read",),
    "sessions": ("read", "write"),
}

#: What is answered to each method for which there are no files and no terminals.
_ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]


#: See `JupyterApi`.
Elsewhere = Callable[[str, str], Deferred[list[dict[str, Any]]]]


class KernelWebSockets(Protocol):
    """Connects clients with a kernel over WebSockets."""

    def open(self, request: IRequest, session: Session) -> IResource:
        """The resource that answers the request for a WebSocket. Raises `Problem`."""


@define(kw_only=True)
class JupyterApi:
    """Routes below ``/api``. `clock` and `now` as for `Models`.

    `beside` are families of URLs below it that Jupyter Server does not have. `baseurl` precedes each path that a client is told.
    `elsewhere` fires with what other servers of this machine, which are going to end, have in the list "kernels"
    or "sessions" of a key.
    """

    identities: Identities
    terms: Terms
    status: Status
    kernels: JupyterKernels
    sessions: NamedSessions
    clock: IReactorTime
    now: Callable[[], str]
    channels: KernelWebSockets
    beside: Sequence[Routes] = ()
    elsewhere: Elsewhere = lambda which, key: succeed([])
    baseurl: str = ""
    parser: Parser = field(factory=Parser)
    _models: Models = field(init=False)
    _started: str = field(init=False)

    app = Klein()
    handle_problems_for_jupyter(app)

    def __attrs_post_init__(self) -> None:
        self._models = Models(clock=self.clock, now=self.now)
        self._started = self._models.time(self.clock.seconds())

    def mount(self, root: Resource) -> None:
        """Serve ``/api``, and all below it."""
        api = Shared(self.app)
        for each in self.beside:
            each.mount(api)
        root.putChild(b"api", api)

    # --- the server

    @app.route("/", methods=["GET"])
    def show_version(self, request: IRequest) -> bytes:
        """The version of the interface, and ours."""
        return json_body(request, {"version": INTERFACE, "sagecell_tx": __version__})

    @app.route("/me", methods=["GET"])
    def show_identity(self, request: IRequest) -> bytes:
        """Who the client is, and which of the permissions in the query it has."""
        visitor = self.identities.visitor(request)
        # Of the identity, nothing can be changed.
        permissions = {**_permitted(text(request, "permissions")), "updatable_fields": []}
        model = {"identity": identity_model(visitor), "permissions": permissions}
        return json_body(request, model)

    @app.route("/status", methods=["GET"])
    async def show_status(self, request: IRequest) -> bytes:
        """The load of the server, by Jupyter's names, and those of our own that differ from them."""
        sessions = self.kernels.fleet.sessions
        activity = max((each.last_activity for each in sessions), default=None)
        model = {
            "started": self._started,
            "last_activity": self._started if activity is None else self._models.time(activity),
            "connections": sum(each.audience.listening for each in sessions),
            "kernels": len(sessions),
        }
        return json_body(request, {**await self.status.whole(), **model})

    # --- kernelspecs

    @app.route("/kernelspecs", methods=["GET"])
    def list_kernelspecs(self, request: IRequest) -> bytes:
        """The kernelspecs, and which one is the default."""
        self.identities.visitor(request)
        specs = self.kernels.specs
        models = {spec.name: spec.model(self.baseurl) for spec in specs.all}
        return json_body(request, {"default": specs.default.name, "kernelspecs": models})

    @app.route("/kernelspecs/<name>", methods=["GET"])
    def show_kernelspec(self, request: IRequest, name: str) -> bytes:
        """One kernelspec."""
        self.identities.visitor(request)
        return json_body(request, self.kernels.specs.named(name).model(self.baseurl))

    # --- kernels

    def listed(self, which: str, key: str) -> list[dict[str, Any]]:
        """The list "kernels" or "sessions" of a key, as this server has it; empty without a key."""
        if which == "kernels":
            return [*map(self._models.kernel, self.kernels.of(key))]
        return [*map(self._models.session, self.sessions.of(key))]

    async def _list(self, request: IRequest, which: str) -> bytes:
        """The list of the client's token, of all servers of this machine."""
        key = self.identities.visitor(request).key
        others = await self.elsewhere(which, key) if key else []
        return json_body(request, [*self.listed(which, key), *others])

    @app.route("/kernels", methods=["GET"])
    async def list_kernels(self, request: IRequest) -> bytes:
        """The kernels of the client's token; none without one."""
        return await self._list(request, "kernels")

    @app.route("/kernels", methods=["POST"])
    async def start_kernel(self, request: IRequest) -> bytes:
        """Start a kernel. It is stopped if the client disconnects before it is up."""
        visitor = self.identities.visitor(request)
        self._check_terms(request, visitor)
        fields = await json_object(request, self.parser) or {}
        kernel = await self.kernels.start(visitor, string(fields, "name") or "")
        _created(request, f"{self.baseurl}/api/kernels/{kernel.session.kernel_id}")
        _tell_proxies(request, kernel)
        return json_body(request, self._models.kernel(kernel))

    @app.route("/kernels/<kernel_id>", methods=["GET"])
    def show_kernel(self, request: IRequest, kernel_id: str) -> bytes:
        """One kernel."""
        self.identities.visitor(request)
        return json_body(request, self._models.kernel(self.kernels.find(kernel_id)))

    @app.route("/kernels/<kernel_id>", methods=["DELETE"])
    async def stop_kernel(self, request: IRequest, kernel_id: str) -> bytes:
        """Stop a kernel, and answer when it has ended."""
        self.identities.visitor(request)
        await self.kernels.stop(self.kernels.find(kernel_id))
        return _empty(request)

    @app.route("/kernels/<kernel_id>/interrupt", methods=["POST"])
    def interrupt_kernel(self, request: IRequest, kernel_id: str) -> bytes:
        """Interrupt what a kernel runs."""
        self.identities.visitor(request)
        self.kernels.find(kernel_id).session.interrupt()
        return _empty(request)

    @app.route("/kernels/<kernel_id>/restart", methods=["POST"])
    async def restart_kernel(self, request: IRequest, kernel_id: str) -> bytes:
        """Replace a kernel's process, and answer when the new one is up."""
        self.identities.visitor(request)
        kernel = self.kernels.find(kernel_id)
        await self.kernels.restart(kernel)
        return json_body(request, self._models.kernel(kernel))

    @app.route("/kernels/<kernel_id>/channels", methods=["GET"])
    def open_channels(self, request: IRequest, kernel_id: str) -> IResource:
        """Connect a WebSocket with a kernel, or with what a client that returns has missed of it."""
        self.identities.visitor(request)
        return self.channels.open(request, self.kernels.find_session(kernel_id))

    # --- sessions

    @app.route("/sessions", methods=["GET"])
    async def list_sessions(self, request: IRequest) -> bytes:
        """The sessions of the client's token; none without one."""
        return await self._list(request, "sessions")

    @app.route("/sessions", methods=["POST"])
    async def open_session(self, request: IRequest) -> bytes:
        """Open a session, with a new kernel unless the body names one."""
        visitor = self.identities.visitor(request)
        self._check_terms(request, visitor)
        wanted = Changes.of(await json_object(request, self.parser))
        others = await self.elsewhere("sessions", visitor.key) if visitor.key else []
        for other in others:
            if other["path"] == wanted.required("path"):
                _created(request, f"{self.baseurl}/api/sessions/{other['id']}")
                return json_body(request, other)
        session = await self.sessions.open(visitor, wanted)
        _created(request, f"{self.baseurl}/api/sessions/{session.session_id}")
        _tell_proxies(request, session.kernel)
        return json_body(request, self._models.session(session))

    @app.route("/sessions/<session_id>", methods=["GET"])
    def show_session(self, request: IRequest, session_id: str) -> bytes:
        """One session."""
        self.identities.visitor(request)
        return json_body(request, self._models.session(self.sessions.find(session_id)))

    @app.route("/sessions/<session_id>", methods=["PATCH"])
    async def change_session(self, request: IRequest, session_id: str) -> bytes:
        """Rename a session, or give it another kernel."""
        visitor = self.identities.visitor(request)
        wanted = Changes.of(await json_object(request, self.parser))
        session = self.sessions.find(session_id)
        if wanted.starts_kernel:
            self._check_terms(request, visitor)
        await self.sessions.change(visitor, session, wanted)
        _tell_proxies(request, session.kernel)
        return json_body(request, self._models.session(session))

    @app.route("/sessions/<session_id>", methods=["DELETE"])
    async def close_session(self, request: IRequest, session_id: str) -> bytes:
        """End a session and its kernel."""
        self.identities.visitor(request)
        await self.sessions.close(self.sessions.find(session_id))
        return _empty(request)

    # --- what is not here

    @app.route("/contents", methods=_ANY)
    @app.route("/contents/<path:path>", methods=_ANY)
    def refuse_contents(self, request: IRequest, path: str = "") -> bytes:
        """There are no files for clients."""
        raise Problem(403, "no_contents", "This server keeps no files of its clients.")

    @app.route("/terminals", methods=_ANY)
    @app.route("/terminals/<path:path>", methods=_ANY)
    def refuse_terminals(self, request: IRequest, path: str = "") -> bytes:
        """There are no terminals."""
        raise Problem(404, "no_terminals", "This server has no terminals.")

    # --- their parts

    def _check_terms(self, request: IRequest, visitor: Visitor) -> None:
        """Raises `Problem` if the visitor has not accepted the terms of service.

        Whoever has a key has accepted them with it.
        """
        if not visitor.key:
            self.terms.check(request)


def _created(request: IRequest, path: str) -> None:
    request.setResponseCode(201)
    request.setHeader("Location", path)


def _tell_proxies(request: IRequest, kernel: JupyterKernel) -> None:
    """Say which kernel the answer is about, as ``POST /kernel`` does: later requests must come to this server."""
    request.setHeader("Jupyter-Kernel-ID", kernel.session.kernel_id)


def _empty(request: IRequest) -> bytes:
    request.setResponseCode(204)
    return b""


def _permitted(asked: str) -> dict[str, list[str]]:
    """Of the actions by resource that a client asks about, as JSON, those that are permitted."""
    if not asked:
        return {}
    try:
        resources = parse_json(asked)
    except WireError:
        resources = None
    if not isinstance(resources, dict) or not all(map(_is_list_of_text, resources.values())):
        sentence = 'permissions should be a JSON dict of {"resource": ["action",]}.'
        raise Problem(400, "invalid_permissions", sentence)
    return {
        resource: [action for action in actions if action in _PERMISSIONS.get(resource, ())]
        for resource, actions in resources.items()
    }


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
