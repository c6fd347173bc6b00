"""``/healthz`` and ``/readyz``: whether the process answers, and whether programs can be run."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen
from klein import Klein
from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as DeadlineReached
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.waiters import OneShot

_log = Logger()

#: Seconds for which the result of a check holds, and between the begins of two.
FRESH = 30.0

#: Why a server is not ready before it is checked: the word, and a sentence.
STARTING = ("starting", "This server is still loading what programs need.")
DRAINING = ("draining", "This server is shutting down.")


@frozen
class _Result:
    """What a check has found, and when it began."""

    begun: float
    why_not: str


@define(kw_only=True, eq=False)
class Readiness:
    """Whether the server does its work: `check` tries, at most each `FRESH` seconds, whoever asks.

    `check` fires when the work was done, and fails with an exception whose text says why not, within a
    bounded time. `obstacle` returns why it need not even be tried, as a word and a sentence, or None.
    """

    clock: IReactorTime
    check: Callable[[], Deferred[None]]
    obstacle: Callable[[], tuple[str, str] | None] = lambda: None
    _last: _Result | None = field(default=None, init=False)
    _checking: OneShot[str] | None = field(default=None, init=False)

    def why_not(self) -> Deferred[str]:
        """Fires with why the check failed, or with an empty text; at once if one is known.

        Each call gives a Deferred of its own; cancelling it cancels nothing else.
        """
        if self._checking is not None:
            return self._checking.when_fired()
        now = self.clock.seconds()
        if self._last is not None and 0 <= now - self._last.begun < FRESH:
            return succeed(self._last.why_not)
        self._checking = checking = OneShot[str]()

        def over(why_not: str) -> None:
            before = "" if self._last is None else self._last.why_not
            if why_not and why_not != before:
                _log.warn("not ready: {why}", why=why_not)
            elif before and not why_not:
                _log.info("ready again")
            self._last, self._checking = _Result(now, why_not), None
            checking.fire(why_not)

        self.check().addCallbacks(lambda _: "", _text).addCallback(over)
        return checking.when_fired()


def _text(failure: Failure) -> str:
    return "no answer in time" if failure.check(DeadlineReached) else str(failure.value)


@define(kw_only=True)
class Health:
    """The routes ``/healthz`` and ``/readyz``."""

    readiness: Readiness

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve both."""
        for name in (b"healthz", b"readyz"):
            root.putChild(name, Mounted(self.app, name))

    @app.route("/healthz", methods=["GET"])
    def show_health(self, request: IRequest) -> bytes:
        """The process answers."""
        _say(request)
        return json_body(request, {"status": "ok"})

    @app.route("/readyz", methods=["GET"])
    async def show_readiness(self, request: IRequest) -> bytes:
        """Whether a program can be run. Raises `Problem` with the reason why not."""
        _say(request)
        obstacle = self.readiness.obstacle()
        if obstacle is None:
            why_not = await self.readiness.why_not()
            if not why_not:
                return json_body(request, {"status": "ok"})
            obstacle = "not_ready", f"This server runs no programs: {why_not}."
        word, sentence = obstacle
        raise Problem(503, word, sentence, headers={"Retry-After": "5"})


def _say(request: IRequest) -> None:
    cors.allow(request, anyone=True)
    request.setHeader("Cache-Control", "no-store")
