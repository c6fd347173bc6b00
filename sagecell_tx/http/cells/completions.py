"""``POST /complete``: completions and help for editors without a kernel.

    -> one complete_request or inspect_request, in the shape of protocol 5 or 4
    <- its reply

Nothing is executed. One completer answers all clients, those of SockJS connections as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, handle_problems
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.completion.completer import Completer
from sagecell_tx.wire import textwire
from sagecell_tx.wire.jsonbounds import QUESTION_MARKS
from sagecell_tx.wire.messages import Message, WireError
from sagecell_tx.wire.v4 import V4Client

#: Requests of one API key, address or /64 of IPv6 addresses that may wait for replies at a time.
WAITING = 32


@define(kw_only=True)
class Completions:
    """The route ``/complete``. `now` gives the time as ISO 8601 text."""

    completer: Completer
    clients: Clients
    limits: RequestLimits
    now: Callable[[], str]
    parser: Parser = field(factory=Parser)
    _waiting: Counter[str] = field(factory=Counter, init=False)

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/complete``."""
        root.putChild(b"complete", Mounted(self.app))

    @app.route("/", methods=["OPTIONS"])
    def preflight(self, request: Request) -> bytes:
        """Answer the CORS preflight."""
        cors.allow_methods(request)
        return b""

    @app.route("/", methods=["POST"])
    async def complete(self, request: Request) -> bytes:
        """Answer one request when the completer has replied."""
        cors.allow_methods(request)
        visitor = self.clients.visitor(request, Purpose.COMPLETER)
        assert request.content is not None, "the whole request has arrived"
        body = request.content.read()
        parse = partial(textwire.parse, body, date=self.now())
        asked = await self.parser.parse(len(body), parse)
        v4 = V4Client()
        question = v4.adapt_request(asked)
        if not self.completer.accepts(question):
            sentence = "Only complete_request and inspect_request are accepted here."
            raise WireError("invalid_message", sentence)
        if asked.size > 4 * self.limits.code_characters:
            sentence = f"The program has more than {self.limits.code_characters} characters."
            raise Problem(413, "code_too_long", sentence)
        mode = asked.parsed_content(marks=QUESTION_MARKS).get("mode")
        who = visitor.key or visitor.holder
        if self.completer.is_full or (who and self._waiting[who] >= WAITING):
            raise Problem(
                429,
                "too_many_completions",
                "Too many completions are being requested. Please try again in a moment.",
                headers={"Retry-After": "1"},
            )
        reply = await self._answer(question, mode if isinstance(mode, str) else "", who)
        request.setHeader("Content-Type", "application/json")
        request.setHeader("Cache-Control", "no-store")
        return textwire.encode(v4.adapt_reply(reply))

    def _answer(self, question: Message, mode: str, who: str) -> Deferred[Message]:
        """Fires with the reply. After cancelling, the request still counts until its reply."""
        result: Deferred[Message] = Deferred()

        def answered(reply: Message) -> None:
            # Not when the client disconnects: the completer works on its request all the same.
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who]
            if not result.called:
                result.callback(reply)

        self._waiting[who] += 1
        self.completer.ask(question, mode, answered, who=who)
        return result
