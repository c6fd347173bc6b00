"""``/kernel``: start and stop kernels, exchange messages with them, and fetch their files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define
from klein import Klein
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from sagecell_tx.http.cells.files import Files
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.serving import cors, ndjson
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body, problem_of
from sagecell_tx.http.serving.parameters import in_frame, present, seconds, text
from sagecell_tx.http.transports import resume
from sagecell_tx.http.transports.polling import Polling
from sagecell_tx.http.transports.upgrades import WebSockets
from sagecell_tx.http.transports.websocket import WebSocketListener
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet


@define(kw_only=True)
class Kernels:
    """Routes below ``/kernel``."""

    fleet: Fleet
    clients: Clients
    sockets: WebSockets
    files: Files
    polling: Polling
    terms: Terms
    baseurl: str = ""

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/kernel``, and all below it."""
        root.putChild(b"kernel", Mounted(self.app))

    @app.route("/", methods=["POST"])
    async def start(self, request: IRequest) -> bytes:
        """Start a kernel and answer with its id. It is stopped if the client disconnects first."""
        framed = present(request, "frame")
        if not framed:
            cors.allow_methods(request)
        # Before anything else, so that a refusal has it too.
        most = self.fleet.limits.admission.kernels_per_cell_session
        request.setHeader(cors.KERNELS_PER_CELL_SESSION, str(most))
        if framed:
            return await self._start_in_frame(request)
        if ndjson.wanted(request):
            return await self._start_in_lines(request)
        return json_body(request, await self._start(request, self.fleet.new_id()))

    async def _start_in_frame(self, request: IRequest) -> bytes:
        """Start a kernel, and post its id, or the error, to the parent page."""
        try:
            body = json_body(request, await self._start(request, self.fleet.new_id()))
        except CancelledError:
            raise
        except Exception:
            body = problem_of(request, Failure()).render(request)
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        return in_frame(body)

    async def _start_in_lines(self, request: IRequest) -> bytes:
        """Start a kernel, and write the client's place in the queue until it is ready."""
        lines = ndjson.Lines(request)
        kernel_id = self.fleet.new_id()

        def moved(where: Position) -> None:
            # The headers go out with the first line, and proxies route by Jupyter-Kernel-ID.
            request.setHeader("Jupyter-Kernel-ID", kernel_id)
            lines.queued(where)

        try:
            return lines.line(await self._start(request, kernel_id, moved))
        except Exception as error:
            if not lines.begun or isinstance(error, CancelledError):
                raise
            problem = problem_of(request, Failure())
            line = {"error": problem.code, "message": problem.message}
            if "Retry-After" in problem.headers:
                return lines.line({**line, "retry_after": int(problem.headers["Retry-After"])})
            return lines.line(line)

    async def _start(
        self,
        request: IRequest,
        kernel_id: str,
        on_moved: Callable[[Position], None] = lambda _: None,
    ) -> dict[str, str]:
        """Start a kernel; returns the answer for the client."""
        self.clients.check_page(request)
        self.terms.check(request)
        timeout = seconds(request, "timeout")
        visitor = self.clients.visitor(request, Purpose.KERNEL, text(request, "CellSessionID"))
        session = await self.fleet.open(
            visitor, timeout=timeout, kernel_id=kernel_id, on_moved=on_moved
        )
        try:
            await session.when_ready()
        except CancelledError:
            session.stop(Reason.STOPPED)
            raise
        request.setHeader("Jupyter-Kernel-ID", kernel_id)
        proxied = self.clients.are_behind_proxy(request)
        url = cors.websocket_url(request, proxied=proxied, baseurl=self.baseurl)
        return {"ws_url": url, "id": kernel_id}

    @app.route("/", methods=["OPTIONS"])
    @app.route("/<kernel_id>", methods=["OPTIONS"])
    @app.route("/<kernel_id>/messages", methods=["OPTIONS"])
    @app.route("/<kernel_id>/files/<path:name>", methods=["OPTIONS"])
    def preflight(self, request: IRequest, kernel_id: str = "", name: str = "") -> bytes:
        """Answer the CORS preflight."""
        cors.allow_methods(request)
        return b""

    @app.route("/<kernel_id>", methods=["DELETE", "POST"])
    def stop(self, request: IRequest, kernel_id: str) -> bytes:
        """Stop a kernel. An unknown one counts as stopped (contract T12)."""
        cors.allow_methods(request)
        if request.method == b"POST" and text(request, "method") != "DELETE":
            sentence = "A POST request to this address must have method=DELETE."
            raise Problem(405, "method_not_allowed", sentence)
        session = self.fleet.get(kernel_id)
        if session is not None:
            session.stop(Reason.STOPPED)
        return b""

    @app.route("/<kernel_id>/channels", methods=["GET"])
    def open_websocket(self, request: IRequest, kernel_id: str) -> IResource:
        """Connect a WebSocket with the kernel."""
        resume_point = resume.requested(request)
        find = self.fleet.get if resume_point is None else self.fleet.remembered
        session = find(kernel_id)
        if session is None:
            raise Problem(404, "unknown_kernel", "There is no such kernel, or it has ended.")
        if cors.header(request, b"upgrade").lower() != "websocket":
            raise Problem(
                426,
                "upgrade_required",
                "This address is for WebSockets only.",
                headers={"Upgrade": "websocket", "Connection": "Upgrade"},
            )
        return self.sockets.resource(
            partial(WebSocketListener, session=session, resume_point=resume_point)
        )

    @app.route("/<kernel_id>/messages", methods=["POST"])
    async def send_messages(self, request: Request, kernel_id: str) -> bytes:
        """Send messages to the kernel without a WebSocket."""
        cors.allow_methods(request)
        return await self.polling.send(request, kernel_id)

    @app.route("/<kernel_id>/messages", methods=["GET", "HEAD"])
    async def read_messages(self, request: Request, kernel_id: str) -> bytes:
        """Send the kernel's messages to the client without a WebSocket."""
        cors.allow_methods(request)
        return await self.polling.read(request, kernel_id)

    @app.route("/<kernel_id>/files/<path:name>", methods=["GET", "HEAD"])
    async def send_file(self, request: Request, kernel_id: str, name: str) -> bytes:
        """Send a file that a kernel made, even after the kernel has ended."""
        cors.allow_methods(request)
        return await self.files.send(request, kernel_id, name)
