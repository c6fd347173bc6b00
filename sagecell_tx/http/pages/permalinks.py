"""``/permalink``: store programs, and find them by their ids."""

from __future__ import annotations

import re

from attrs import define, field
from klein import Klein
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.serving.parameters import as_call, callback, in_frame, present, text
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.admission.storagebudgets import PermalinkAllowance
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.interfaces import CellStore, Permalink
from sagecell_tx.wire.codelink import clean_ident, zip_text
from sagecell_tx.wire.messages import WireError


def not_found() -> Problem:
    """The answer to an unknown permalink."""
    return Problem(404, "unknown_permalink", "ID not found in permalink database", plain=True)


async def find(store: CellStore, ident: str) -> Permalink:
    """The permalink with the id `ident`. Raises `Problem` if it is unknown."""
    try:
        permalink = await store.find(clean_ident(ident))
    except WireError:
        permalink = None
    if permalink is None:
        raise not_found()
    return permalink


@define(kw_only=True)
class Permalinks:
    """The route ``/permalink``, or one at each of `names`, of which the empty one is ``/``."""

    store: CellStore
    limits: RequestLimits
    clients: Clients
    clock: IReactorTime
    names: tuple[bytes, ...] = (b"permalink",)
    allowance: PermalinkAllowance = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.allowance = PermalinkAllowance(self.limits)

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve each of `names`."""
        for name in self.names:
            root.putChild(name, Mounted(self.app))

    @app.route("/", methods=["OPTIONS"])
    def preflight(self, request: IRequest) -> bytes:
        """Answer the CORS preflight."""
        cors.allow_methods(request)
        return b""

    @app.route("/", methods=["POST"])
    async def save(self, request: IRequest) -> bytes:
        """Store a program and answer with both of its links; or keep the permalink of a run."""
        cors.allow(request, anyone=True)
        if present(request, "q") and not present(request, "code"):
            return await self._keep(request, text(request, "q"))
        permalink = Permalink(
            code=text(request, "code"),
            language=text(request, "language", "sage")[:32],
            interacts=text(request, "interacts", "[]"),
        )
        if not present(request, "code"):
            raise Problem(400, "missing_code", "The parameter code is missing.")
        if max(len(permalink.code), len(permalink.interacts)) > self.limits.code_characters:
            raise Problem(413, "code_too_long", "The program is too long for a permalink.")
        number = text(request, "n")
        if number and not re.fullmatch(r"-?\d{1,18}", number, re.ASCII):
            raise Problem(400, "invalid_n", "The parameter n must be a whole number.")
        self._count(request)
        answer = _links(permalink, await self.store.save(permalink))
        if number:
            answer["n"] = int(number)
        body = json_body(request, answer)
        if present(request, "frame"):
            request.setHeader("Content-Type", "text/html; charset=utf-8")
            return in_frame(body)
        return body

    async def _keep(self, request: IRequest, ident: str) -> bytes:
        """Let the permalink of a run stay. Raises `Problem` if it is unknown."""
        self._count(request)
        if not await self.store.keep(ident):
            raise not_found()
        return json_body(request, _links(await find(self.store, ident), ident))

    def _count(self, request: IRequest) -> None:
        """Count one more permalink of this visitor's; raises `Refused`."""
        if not self.clients.are_counted_elsewhere(request):
            visitor = self.clients.visitor(request, Purpose.KERNEL)
            self.allowance.take(visitor, self.clock.seconds())

    @app.route("/", methods=["GET"])
    async def load(self, request: IRequest) -> bytes:
        """The program of an id, as ``[code, language, interacts]``."""
        cors.allow(request, anyone=True)
        function = callback(request)
        found = await find(self.store, text(request, "q"))
        body = json_body(request, [found.code, found.language, found.interacts])
        # The callback receives a string, which it parses itself (contract 1.16).
        return as_call(request, function, body.decode("ascii")) if function else body


def _links(permalink: Permalink, ident: str) -> dict[str, object]:
    """The links of a permalink: by its id, and with the program itself."""
    return {
        "zip": zip_text(permalink.code),
        "query": ident,
        "interacts": zip_text(permalink.interacts),
    }
