"""``POST /api/execute``: run a program, and answer with all that came of it.

The answer is JSON in one piece, or a stream of what happens, by `Accept`. The kernel is admitted,
limited and counted like one of ``/service``, and ends with the program, or when its client
disconnects. docs/protocol.rst has the fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import attrs
from attrs import define, field
from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Request

from sagecell_tx.http.cells.execution import FileAddresses
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.execute import writing
from sagecell_tx.http.execute.answers import Answer, KeptAnswers
from sagecell_tx.http.execute.run import ProgramRun
from sagecell_tx.http.execute.submission import Submission
from sagecell_tx.http.execute.transcript import Transcript
from sagecell_tx.http.execute.writing import Beginning, EventFormat
from sagecell_tx.http.jupyter.answers import handle_problems_for_jupyter
from sagecell_tx.http.jupyter.identity import Identities
from sagecell_tx.http.serving.errors import Problem, problem_of
from sagecell_tx.http.serving.mediatypes import content_type
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.serving.producer import LongAnswers, ResponseProducer, in_pieces
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.limits import MessageLimits, RequestLimits
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import FileRefused
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.wire.messages import dump


@define(kw_only=True)
class Execute:
    """The route ``/api/execute``."""

    fleet: Fleet
    identities: Identities
    terms: Terms
    addresses: FileAddresses
    answers: LongAnswers
    limits: RequestLimits
    messages: MessageLimits
    clock: IReactorTime
    parser: Parser = field(factory=Parser)
    _kept: KeptAnswers = field(init=False)

    app = Klein()
    handle_problems_for_jupyter(app)

    def __attrs_post_init__(self) -> None:
        self._kept = KeptAnswers(
            clock=self.clock,
            seconds=self.limits.kept_answer_seconds,
            most=self.limits.kept_answer_bytes,
        )

    def mount(self, root: Resource) -> None:
        """Serve ``execute`` below ``/api``, which is `root`."""
        root.putChild(b"execute", Mounted(self.app))

    @app.route("/", methods=["POST"])
    async def execute(self, request: Request) -> bytes:
        """Run a program, unless the answer to its idempotency key is kept."""
        visitor = attrs.evolve(self.identities.visitor(request), purpose=Purpose.SERVICE)
        submission = await self._submission(request)
        # Whoever has a key has accepted the terms of service with it.
        if not visitor.key and not submission.accepted_tos:
            self.terms.check(request)
        form = writing.wanted(request)
        key = submission.idempotency_key
        if not key:
            return await self._run(request, form, visitor, submission, lambda _: None)
        if not visitor.key:
            sentence = "An idempotency key needs a token: without one, anybody could use it."
            raise Problem(400, "idempotency_key_without_token", sentence)
        answer = self._kept.begin(visitor.key, key, submission.digest)
        if answer is not None:
            return await self._write(request, form, answer)
        try:
            keep = partial(self._kept.finish, visitor.key, key)
            return await self._run(request, form, visitor, submission, keep)
        finally:
            self._kept.release(visitor.key, key)

    async def _submission(self, request: Request) -> Submission:
        """What a client submits. Raises `Problem`. The body is not kept while the program waits and runs."""
        assert request.content is not None, "the whole request has arrived"
        body = request.content.read()
        parse = partial(Submission.parse, body, self.limits)
        return await self.parser.parse(len(body), parse)

    async def _run(
        self,
        request: Request,
        form: EventFormat | None,
        visitor: Visitor,
        submission: Submission,
        keep: Callable[[Answer], None],
    ) -> bytes:
        """Run a program and write the answer, which `keep` gets before its last byte is sent."""
        self._count_files(visitor, submission)
        if form is not None:
            return await self._run_in_lines(Beginning(request, form), visitor, submission, keep)
        session = await self.fleet.open(visitor, timeout=0)
        try:
            await session.when_ready()
            answer = await self._collect(request, session, submission)
        finally:
            session.stop(Reason.STOPPED)
        keep(answer)
        return await self._write(request, None, answer)

    async def _run_in_lines(
        self,
        stream: Beginning,
        visitor: Visitor,
        submission: Submission,
        keep: Callable[[Answer], None],
    ) -> bytes:
        """Run a program, and write what happens."""
        try:
            session = await self.fleet.open(visitor, timeout=0, on_moved=stream.queued)
            try:
                await session.when_ready()
                await self._write_run(stream, session, submission, keep)
            finally:
                session.stop(Reason.STOPPED)
        except Exception as error:
            if not stream.has_begun or isinstance(error, CancelledError):
                raise
            return stream.refused(problem_of(stream.request, Failure()))
        return b""

    def _count_files(self, visitor: Visitor, submission: Submission) -> None:
        """Count the files as if a program had made them. Raises `Problem` if they are too much."""
        try:
            for name, data in submission.files.items():
                self.fleet.allowance.take(visitor, self.clock.seconds(), name, len(data))
        except FileRefused as error:
            headers = {"Retry-After": "60"}
            raise Problem(429, "too_many_file_bytes", str(error), headers=headers) from error

    # --- the run

    async def _collect(self, request: Request, session: Session, submission: Submission) -> Answer:
        """What comes of a program, when it is over."""
        # Text takes up to two bytes of JSON for each character, as for /service.
        limit = 2 * self.limits.service_output_characters
        transcript, over = Transcript(limit), Deferred[None]()

        def take() -> None:
            while events := run.read():
                for event in events:
                    transcript.add(event)
            if run.is_over and not over.called:
                over.callback(None)

        run = self._run_of(session, submission, limit, take)
        try:
            run.begin()
            await over
        finally:
            run.leave()
        summary = self._summary(request, run, transcript)
        return Answer(outputs=transcript.outputs, summary=summary)

    async def _write_run(
        self,
        stream: Beginning,
        session: Session,
        submission: Submission,
        keep: Callable[[Answer], None],
    ) -> None:
        """Write what a program outputs, as fast as the client reads it, and its end."""
        form, request = stream.form, stream.request
        is_kept = bool(submission.idempotency_key)
        most, most_kept = self.messages.output_bytes, 2 * self.limits.service_output_characters
        transcript = Transcript(most_kept)
        ends = False

        def more() -> Iterator[bytes] | None:
            nonlocal ends
            if events := run.read():
                for event in events if is_kept else ():
                    transcript.add(event)
                # As they are, and as lines.
                self.answers.hold(request, producer, 2 * sum(event.size for event in events))
                return map(form.event, events)
            self.answers.hold(request, producer, 0)
            if not run.is_over:
                return None
            if ends:
                producer.finish()
                return None
            ends = True
            summary = self._summary(request, run, transcript)
            keep(Answer(outputs=transcript.outputs, summary=summary))
            self.answers.hold(request, producer, 2 * len(summary))
            return in_pieces(form.line("end", summary))

        producer = ResponseProducer(
            request=request, clock=self.clock, stalled=self.messages.stalled_seconds, more=more
        )
        run = self._run_of(
            session,
            submission,
            min(most, most_kept) if is_kept else most,
            producer.produce,
        )
        if not stream.has_begun:
            stream.begin()

        def beat() -> None:
            if not producer.paused:
                request.write(form.heartbeat)

        beating = LoopingCall(beat)
        beating.clock = self.clock
        try:
            started = form.line("started", dump({"kernel_id": session.kernel_id}))
            written = producer.start(iter((started,)))
            beating.start(self.messages.ping_seconds, now=False)
            run.begin()
            await written
        finally:
            beating.stop()
            run.leave()
            self.answers.hold(request, producer, 0)
            producer.finish()

    def _run_of(
        self, session: Session, submission: Submission, limit: int, on_news: Callable[[], None]
    ) -> ProgramRun:
        return ProgramRun(
            session=session,
            clock=self.clock,
            originator=self.fleet.originator,
            submission=submission,
            limit=limit,
            on_news=on_news,
        )

    # --- the answer

    def _summary(self, request: Request, run: ProgramRun, transcript: Transcript) -> bytes:
        """The JSON object about a run that is over."""
        kernel_id = run.session.kernel_id
        urls = self.addresses.of(request, kernel_id, run.file_names)
        summary = {
            "kernel_id": kernel_id,
            **run.summary(),
            "truncated": run.outputs.truncated or transcript.truncated,
            "timeout": run.submission.seconds,
            "files": [
                {"name": name, "url": url, "media_type": content_type(name)}
                for name, url in urls.items()
            ],
        }
        return b'%s,"value":%s}' % (dump(summary)[:-1], run.outputs.value or b"null")

    async def _write(self, request: Request, form: EventFormat | None, answer: Answer) -> bytes:
        """Write a whole answer, in the form that the client wants."""
        if form is None:
            request.setHeader("Content-Type", "application/json")
            body = writing.in_one(answer.summary, answer.outputs)
        else:
            Beginning(request, form).begin()
            lines = map(form.event, answer.outputs)
            body = b"".join((*lines, form.line("end", answer.summary)))
        return await self.answers.send(request, body, stalled=self.messages.stalled_seconds)
