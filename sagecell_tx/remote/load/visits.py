"""One visitor's evaluation of one program, as a page does it: a kernel, a connection, a request, the output."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sagecell_tx.remote.load.channels import (
    Channel,
    Connect,
    PollChannel,
    SockJSChannel,
    WebSocketChannel,
    endpoint,
)
from sagecell_tx.remote.load.kept import Kept
from sagecell_tx.remote.load.outcomes import Failed, Outcome
from sagecell_tx.remote.load.programs import FOR_SERVICE, PROGRAMS, LoadProgram, Make, squares
from sagecell_tx.remote.load.requests import Requests, in_time, many_connections
from sagecell_tx.remote.load.results import Results

_log = Logger()

#: The transports, and which of a program's ways they are.
SERVICE = "service"
TRANSPORTS = ("websocket", "sockjs", "poll", SERVICE)

#: The rows of what is not a program: a kernel's start, one update of an interact, a permalink.
START, UPDATE, PERMALINK = "(start)", "(update)", "(permalink)"

#: The part of the evaluations after which the visitor shares the program.
_SHARED = 0.2

#: Seconds that the kernel of an interact stays, if its visitor is cut off.
_IDLE = "60"


@define(kw_only=True)
class Visits:
    """Evaluates programs that are chosen at random, over `transports`, and notes what came of them.

    One of the programs must be one that ``/service`` runs, if that is the only transport.

    `patience` is the longest that a visitor waits for everything, in seconds.
    """

    reactor: Any
    clock: IReactorTime
    http: Any
    server: str
    connect: Connect
    random: Random
    results: Results
    kept: Kept
    transports: tuple[str, ...] = TRANSPORTS
    programs: Mapping[str, tuple[int, Make]] = field(factory=lambda: PROGRAMS)
    patience: float = 60.0
    form: Mapping[str, str] = field(factory=dict)  # sent with each request for a kernel
    under_way: int = field(default=0, init=False)

    async def evaluate(self, headers: dict[str, str]) -> None:
        """One evaluation, whose requests have these headers."""
        transport = self.random.choice(self.transports)
        names = [name for name in self.programs if transport != SERVICE or name in FOR_SERVICE]
        if not names:  # another transport runs them
            transport = self.random.choice([each for each in self.transports if each != SERVICE])
            names = list(self.programs)
        (name,) = self.random.choices(names, [self.programs[each][0] for each in names])
        task = self.programs[name][1](self.random)
        visit = _Visit(
            visits=self,
            requests=Requests(http=self.http, server=self.server, headers=headers),
            transport=transport,
            task=task,
        )
        self.under_way += 1
        try:
            await self._note(name, transport, visit.run())
            if self.random.random() < _SHARED:
                await self._note(PERMALINK, "http", visit.share())
        finally:
            self.under_way -= 1

    def channel(self, transport: str, kernel_id: str, requests: Requests) -> Channel:
        """A connection to a kernel, which is not opened yet, for the visitor of these requests."""
        if transport == "poll":
            return PollChannel(requests=requests, kernel_id=kernel_id)
        shared: dict[str, Any] = {
            "reactor": self.reactor,
            "server": self.server,
            "kernel_id": kernel_id,
            "headers": dict(requests.headers),
            "connect": self.connect,
        }
        if transport == "sockjs":
            return SockJSChannel(name=f"{self.random.getrandbits(64):016x}", **shared)
        return WebSocketChannel(**shared)

    async def _note(self, name: str, transport: str, work: Any) -> None:
        """Wait for the end of `work`, and note how long it took, or how it failed."""
        began = self.clock.seconds()
        try:
            await in_time(Deferred.fromCoroutine(work), self.patience, self.clock)
        except Failed as error:
            self.results.went_wrong(name, transport, error.kind, error.told)
        except CancelledError:
            raise
        except Exception:  # an answer of another shape than expected
            _log.failure("{name} over {transport}", name=name, transport=transport)
            self.results.went_wrong(name, transport, "an answer of another shape")
        else:
            took = self.results.part_took if name == PERMALINK else self.results.took
            took(name, transport, self.clock.seconds() - began)


def visits_to(
    server: str,
    *,
    reactor: Any,
    connections: int,
    random: Random,
    results: Results,
    **choices: Any,
) -> Visits:
    """Visits to the server at this URL, over as many kept connections; `choices` are the other fields of `Visits`."""
    http = many_connections(reactor, connections)
    return Visits(
        reactor=reactor,
        clock=reactor,
        http=http,
        server=server,
        connect=partial(endpoint, reactor),
        random=random,
        results=results,
        kept=Kept(requests=Requests(http=http, server=server), clock=reactor, results=results),
        **choices,
    )


@define(kw_only=True)
class _Visit:
    """One evaluation."""

    visits: Visits
    requests: Requests
    transport: str
    task: LoadProgram

    async def run(self) -> None:
        """Run the program and check what it gives; raises `Failed`."""
        if self.transport == SERVICE:
            await self._serve()
            return
        began = self.visits.clock.seconds()
        timeout = {"timeout": _IDLE} if self.task.updates else {}
        started = await self.requests.post("/kernel", {**self.visits.form, **timeout})
        kernel_id = str(started["id"])
        self.visits.results.part_took(START, self.transport, self.visits.clock.seconds() - began)
        channel = self.visits.channel(self.transport, kernel_id, self.requests)
        try:
            await channel.open()
            await self._evaluate(channel, kernel_id)
        finally:
            channel.close()
        if self.task.updates:
            await self.requests.delete(f"/kernel/{kernel_id}")

    async def share(self) -> None:
        """Store a permalink of the program."""
        code = self.task.code
        fields = {"code": code, "language": "python", "interacts": "[]"}
        answer = await self.requests.post("/permalink", fields)
        self.visits.kept.permalink(str(answer["query"]), code)

    async def _evaluate(self, channel: Channel, kernel_id: str) -> None:
        content = {"code": self.task.code, "silent": False, "allow_stdin": False}
        outcome = await self._ask(channel, "execute_request", content)
        self._check(outcome, self.task.is_right(outcome))
        self._keep(outcome, kernel_id)
        for value in self.task.updates:
            began = self.visits.clock.seconds()
            update = {
                "interact_id": outcome.interact,
                "values": {"n": value},
                "update_last": True,
                "user_expressions": {},
            }
            updated = await self._ask(channel, "sagenb.interact.update_interact", update)
            self._check(updated, squares(value)(updated))
            self.visits.results.part_took(
                UPDATE, self.transport, self.visits.clock.seconds() - began
            )

    async def _ask(self, channel: Channel, msg_type: str, content: dict[str, Any]) -> Outcome:
        return await ask(channel, f"{self.visits.random.getrandbits(128):032x}", msg_type, content)

    async def _serve(self) -> None:
        """The same by ``/service``."""
        answer = await self.requests.post("/service", {**self.visits.form, "code": self.task.code})
        if "execute_reply" not in answer:
            raise Failed(f"no reply: {answer.get('error')}")
        outcome = Outcome("")
        outcome.printed(str(answer.get("stdout", "")))
        outcome.warned = str(answer.get("stderr", "")).strip()
        outcome.answered(answer["execute_reply"])
        self._check(outcome, self.task.is_right(outcome))
        self._keep(outcome, str(answer["kernel_id"]))

    def _check(self, outcome: Outcome, is_right: bool) -> None:
        if not is_right:
            kind = outcome.error or "not what it must give"
            raise Failed(f"wrong: {kind}", outcome.warned)

    def _keep(self, outcome: Outcome, kernel_id: str) -> None:
        """Remember the file that the server has acknowledged."""
        if self.task.file is not None and self.task.file[0] in outcome.files:
            self.visits.kept.file(kernel_id, *self.task.file)


async def ask(channel: Channel, msg_id: str, msg_type: str, content: dict[str, Any]) -> Outcome:
    """Send a request of that id, and receive all that comes of it; raises `Failed`."""
    outcome = Outcome(msg_id)
    await channel.send(
        {
            "header": {"msg_id": msg_id, "msg_type": msg_type, "session": "load"},
            "parent_header": {},
            "metadata": {"language": "python"},
            "content": content,
            "channel": "shell",
        }
    )
    while not outcome.is_over:
        outcome.receive(await channel.receive())
    return outcome
