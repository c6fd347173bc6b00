"""``POST /service``: run a program and answer with its output, in one response."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import define, field
from klein import Klein
from twisted.internet.defer import TimeoutError as DeadlineReached
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request

from sagecell_tx.http.cells import execution
from sagecell_tx.http.cells.collector import Collector
from sagecell_tx.http.cells.execution import FileAddresses
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.serving.parameters import present, take_json, text, texts
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.serving.producer import LongAnswers
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.wire.messages import SHELL, Message, WireError, dump, parse_object

#: The parameters that a JSON body may have.
_PARAMETERS = ("code", "user_expressions", "accepted_tos", "permalink")

#: The metadata of a request whose program is stored.
_ASKS_FOR_PERMALINK = dump({"sagecell": {"permalink": True}})


@define(kw_only=True)
class ServiceRoute:
    """The route ``/service``."""

    fleet: Fleet
    clients: Clients
    limits: RequestLimits
    answers: LongAnswers
    stalled: float  # seconds after which a client that reads nothing is disconnected
    terms: Terms
    clock: IReactorTime
    originator: Originator
    baseurl: str = ""
    parser: Parser = field(factory=Parser)

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/service``."""
        root.putChild(b"service", Mounted(self.app))

    @app.route("/", methods=["OPTIONS"])
    def preflight(self, request: Request) -> bytes:
        """Answer the CORS preflight, which browsers send before a JSON body."""
        cors.allow_methods(request)
        return b""

    @app.route("/", methods=["POST"])
    async def run(self, request: Request) -> bytes:
        """Run `code` for at most `service_seconds`."""
        cors.allow(request)
        self.clients.check_page(request)
        await take_json(request, self.parser, _PARAMETERS)
        self.terms.check(request, plain=True)
        program = self._execution(self._code(request), text(request, "user_expressions", "{}"))
        if text(request, "permalink") == "true":
            program = attrs.evolve(program, metadata=_ASKS_FOR_PERMALINK)
        deadline = self.clock.seconds() + self.limits.service_seconds
        visitor = self.clients.visitor(request, Purpose.SERVICE)
        # Waiting for a kernel takes at most half of the time, so that the rest is left to run.
        session = await self.fleet.open(
            visitor, timeout=0, patience=self.limits.service_seconds / 2
        )
        try:
            collector = await self._collect(session, program, deadline)
        finally:
            session.stop(Reason.STOPPED)
        answer = self._answer(request, session, collector)
        body = _with_shown(json_body(request, answer), collector)
        return await self.answers.send(request, body, stalled=self.stalled)

    def _code(self, request: Request) -> str:
        """The program. Raises `Problem` if there is none, or one that is too long."""
        if not present(request, "code"):
            raise Problem(
                400,
                "missing_code",
                "The parameter code is missing. It may be in a form, in the query, or in a JSON "
                "object with the Content-Type application/json.",
            )
        code = "".join(texts(request, "code"))
        most = self.limits.code_characters
        if len(code) > most:
            # The words are SageMathCell's: programs look for them.
            sentence = f"Max code size is {most} characters."
            raise Problem(413, "code_too_long", sentence, plain=True)
        return code

    def _answer(self, request: Request, session: Session, collector: Collector) -> dict[str, Any]:
        """What the client is told of a program that has ended."""
        reply = collector.reply
        answer: dict[str, Any] = {
            "success": reply is not None and reply.get("status") == "ok",
            "kernel_id": session.kernel_id,
        }
        for name, printed in collector.streams.items():
            answer[name] = "".join(printed)
        if collector.permalink is not None:
            answer["permalink"] = collector.permalink
        # A program that ended without a reply may have published files before.
        names = session.saved_files if reply is None else execution.new_files(reply)
        addresses = FileAddresses(
            clients=self.clients,
            most=self.fleet.limits.files.session_files,
            baseurl=self.baseurl,
        )
        if files := addresses.of(request, session.kernel_id, names):
            answer["files"] = files
        if reply is not None:
            answer["execute_reply"] = reply
        elif collector.reason is not None:
            word, sentence = collector.reason.value, collector.reason.sentence
            answer |= {"error": word, "message": sentence, "reason": word}
        elif collector.is_late:
            answer |= {
                "error": "timeout",
                "message": execution.late_sentence(self.limits.service_seconds),
            }
        else:
            sentence = "The program ended without a valid reply from its kernel."
            answer |= {"error": "invalid_reply", "message": sentence}
        return answer

    def _execution(self, code: str, user_expressions: str) -> Message:
        """The execute_request. Raises `Problem` for invalid user_expressions."""
        if len(user_expressions) > self.limits.code_characters:
            raise self._bad_expressions()
        try:
            expressions = parse_object(user_expressions)
        except WireError as error:
            raise self._bad_expressions() from error
        content = execution.content(code, expressions)
        try:
            return self.originator.originate(SHELL, "execute_request", content)
        except (ValueError, RecursionError) as error:  # 1e999 was read as infinity
            raise self._bad_expressions() from error

    def _bad_expressions(self) -> Problem:
        most = self.limits.code_characters
        sentence = f"user_expressions must be a JSON object, of at most {most} characters."
        return Problem(400, "invalid_user_expressions", sentence)

    async def _collect(self, session: Session, program: Message, deadline: float) -> Collector:
        """The program's output and reply, when it is done or at the deadline."""
        collector = Collector(
            program.msg_id,
            self.limits.service_output_characters,
            awaits_permalink=program.metadata == _ASKS_FOR_PERMALINK,
        )
        await session.when_ready()
        attachment = collector.listen(session)
        attachment.send(program)
        collector.done.addTimeout(max(0.0, deadline - self.clock.seconds()), self.clock)
        try:
            await collector.done
        except DeadlineReached:
            if not collector.is_over:
                collector.reply, collector.is_late = None, True
        finally:
            collector.leave()
        return collector


def _with_shown(body: bytes, collector: Collector) -> bytes:
    """The JSON object `body`, which is not empty, with the result and the displays."""
    parts = [body[:-1]]
    if collector.result is not None:
        parts.append(b',"result":' + collector.result)
    if collector.displays:
        parts.append(b',"displays":[' + b",".join(collector.displays) + b"]")
    return b"".join((*parts, b"}"))
