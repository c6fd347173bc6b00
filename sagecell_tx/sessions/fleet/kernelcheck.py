"""Whether a program can be run: one is, in a kernel of its own."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as DeadlineReached
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import StartFailed
from sagecell_tx.sessions.lifecycle.bridge import Undeliverable
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import Attachment
from sagecell_tx.wire.messages import SHELL, Message, WireError

_log = Logger()

#: Seconds that a check may take: in a crowd, kernels need some.
PATIENCE = 15.0

#: Bytes to read from the message log at once.
_ROOM = 64 * 1024


class CheckFailed(Exception):
    """The program was not run, or not rightly; the text says why, for the operator."""


@define(kw_only=True, eq=False)
class KernelCheck:
    """Runs `program`, whose result has to be the text `result`, printed or as a value.

    Its kernel comes from where those of visitors come from, but has a place of its own: a server
    whose kernels are all in use can run programs.
    """

    fleet: Fleet
    clock: IReactorTime
    program: str = "1+1"
    result: str = "2"

    def run(self) -> Deferred[None]:
        """Fires when the program was run; fails with `CheckFailed`, within `PATIENCE` seconds.

        At once if all places of all machines are taken: then programs are being run.
        """
        if 0 < self.fleet.admission.places <= self.fleet.admission.taken:
            return succeed(None)
        run = Deferred.fromCoroutine(self._run())
        run.addTimeout(PATIENCE, self.clock)
        return run.addErrback(self._explain)

    def _explain(self, failure: Failure) -> None:
        error = failure.value
        match error:
            case DeadlineReached():
                raise CheckFailed(f"no result within {PATIENCE:.0f} seconds") from error
            case CheckFailed():
                failure.raiseException()
            case Refused(code=code):
                raise CheckFailed(f"no kernel: {code}") from error
            case StartFailed() | Undeliverable() | WireError():
                raise CheckFailed(str(error)) from error
        _log.failure("the check of a kernel failed", failure)
        raise CheckFailed("an internal error occurred, which is in the log") from error

    async def _run(self) -> None:
        session = await self.fleet.open(
            Visitor(purpose=Purpose.CHECK), timeout=0, patience=PATIENCE
        )
        try:
            await session.when_ready()
            await _CheckedProgram(session, self.fleet, self.program, self.result).run()
        finally:
            session.stop(Reason.FINISHED)


@define(eq=False)
class _CheckedProgram:
    """The program in a session, whose listener it is."""

    _session: Session
    _fleet: Fleet
    _code: str
    _result: str
    _request: Message = field(init=False)
    _over: Deferred[None] = field(factory=Deferred, init=False)
    _attachment: Attachment | None = field(default=None, init=False)
    _is_right: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        content = {"code": self._code, "allow_stdin": False, "store_history": False}
        self._request = self._fleet.originator.originate(SHELL, "execute_request", content)

    def run(self) -> Deferred[None]:
        """Fires when the result was right; fails with `CheckFailed`. Raises `Undeliverable`."""
        self._attachment = self._session.attach(self)
        self._session.send(self._request)
        self.wake()
        return self._over

    # --- Listener

    def wake(self) -> None:
        """See `Listener.wake`."""
        while self._attachment is not None and (messages := self._attachment.read(_ROOM)):
            for message in messages:
                if message.parent_id == self._request.msg_id:
                    self._look_at(message)

    def close(self, reason: str) -> None:
        """See `Listener.close`."""
        self._end(f"the kernel has ended: {reason}")

    def _look_at(self, message: Message) -> None:
        try:
            self._is_right |= self._is_result(message)
        except WireError as error:
            self._end(error.message)
        if message.msg_type == "execute_reply":
            self._end("" if self._is_right else f"the result was not {self._result}")

    def _is_result(self, message: Message) -> bool:
        """Whether a message has the right result; raises `WireError`."""
        if message.msg_type == "stream":
            return message.parsed_content().get("text") == f"{self._result}\n"
        if message.msg_type == "execute_result":
            data = message.parsed_content().get("data")
            return isinstance(data, dict) and data.get("text/plain") == self._result
        return False

    def _end(self, why: str) -> None:
        attachment, self._attachment = self._attachment, None
        if attachment is None:
            return
        attachment.detach()
        if why:
            self._over.errback(CheckFailed(why))
        else:
            self._over.callback(None)
