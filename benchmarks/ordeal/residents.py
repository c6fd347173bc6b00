"""Visitors whose sessions stay: what they do builds on what they did, and each leaves a file."""

from __future__ import annotations

import random
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.python.failure import Failure

from sagecell_tx.remote.load.channels import Channel
from sagecell_tx.remote.load.models import Evaluate, Stage
from sagecell_tx.remote.load.outcomes import Failed
from sagecell_tx.remote.load.requests import Requests, in_time
from sagecell_tx.remote.load.results import Results
from sagecell_tx.remote.load.visits import START, Visits, ask

#: How they connect. Who polls would have to do so while thinking.
TRANSPORTS = ("websocket", "sockjs")

#: The rows of theirs.
RESIDENT, FILE = "resident", "(file)"

#: Seconds after which somebody whose session could not begin tries again.
PAUSE = 1.0


@define(kw_only=True)
class Residents:
    """So many of them, each of whom thinks for about so many seconds. A `Model` of its own."""

    visits: Visits
    number: int
    think: float

    @property
    def sentence(self) -> str:
        """See `Model.sentence`."""
        return f"{self.number} residents"

    def run(self, evaluate: Evaluate, stage: Stage) -> Deferred[Any]:
        """See `Model.run`."""
        return DeferredList(
            [
                Deferred.fromCoroutine(self._stay(each, stage)).addErrback(_mistake)
                for each in range(self.number)
            ]
        )

    async def _stay(self, number: int, stage: Stage) -> None:
        """One resident, with one session after the other."""
        transport = TRANSPORTS[number % len(TRANSPORTS)]
        results = self.visits.results
        while stage.left > 0:
            try:
                session = await self._timed(START, transport, _begun(self.visits, transport))
            except Failed as error:
                results.went_wrong(RESIDENT, transport, error.kind, error.told)
                await stage.pause(PAUSE)
                continue
            try:
                while stage.left > 0:
                    await self._timed(RESIDENT, transport, session.work())
                    await stage.pause(stage.random.uniform(0, 2 * self.think))
            except Failed as error:
                results.went_wrong(RESIDENT, transport, error.kind, error.told)
            finally:
                session.leave()

    async def _timed(self, what: str, transport: str, work: Any) -> Any:
        """Wait for `work`, and note how long it took; raises `Failed`."""
        clock, results = self.visits.clock, self.visits.results
        began = clock.seconds()
        result = await in_time(Deferred.fromCoroutine(work), self.visits.patience, clock)
        took = results.took if what == RESIDENT else results.part_took
        took(what, transport, clock.seconds() - began)
        return result


def _mistake(failure: Failure) -> None:
    """A visitor ended: the run was interrupted, or it is a mistake of ours."""
    if not failure.check(CancelledError):
        failure.printTraceback()


async def _begun(visits: Visits, transport: str) -> ResidentSession:
    """A new session; raises `Failed`."""
    requests = Requests(http=visits.http, server=visits.server)
    started = await requests.post("/kernel", {"timeout": "600"})
    kernel_id = str(started["id"])
    channel = visits.channel(transport, kernel_id, requests)
    session = ResidentSession(
        kernel_id=kernel_id,
        transport=transport,
        channel=channel,
        results=visits.results,
        visits=visits,
    )
    try:
        await channel.open()
    except (Failed, CancelledError):
        channel.close()
        raise
    return session


@define(kw_only=True, eq=False)
class ResidentSession:
    """A session that goes on: a `Channel` that hears what is said of earlier requests as well."""

    kernel_id: str
    transport: str
    channel: Channel
    results: Results
    visits: Visits
    _runs: int = field(default=0, init=False)
    _files: dict[str, bytes] = field(factory=dict, init=False)  # that were announced, and not lost

    async def work(self) -> None:
        """Run a cell that counts the earlier ones, and makes a file; raises `Failed`."""
        self._runs += 1
        name, content = f"{self._runs}.txt", f"{self.kernel_id} {self._runs}"
        code = (
            f"try: runs += 1\nexcept NameError: runs = 1\nprint(runs)\n"
            f"with open({name!r}, 'w') as file:\n    _ = file.write({content!r})"
        )
        fields = {"code": code, "silent": False, "allow_stdin": False}
        msg_id = f"{random.getrandbits(128):032x}"
        outcome = await ask(self, msg_id, "execute_request", fields)
        if outcome.error or outcome.text != f"{self._runs}\n":
            raise Failed(f"wrong: {outcome.error or 'not what it must give'}", outcome.warned)
        if name in outcome.files:
            self._files[name] = content.encode("ascii")
        else:
            self.results.went_wrong(FILE, self.transport, "not saved", outcome.warned)

    def leave(self) -> None:
        """Disconnect. Whatever was announced has to be there from now on."""
        self.channel.close()
        for name, content in self._files.items():
            self.visits.kept.file(self.kernel_id, name, content)

    # --- Channel

    async def open(self) -> None:
        """See `Channel.open`."""
        await self.channel.open()

    async def send(self, message: dict[str, Any]) -> None:
        """See `Channel.send`."""
        await self.channel.send(message)

    async def receive(self) -> dict[str, Any]:
        """See `Channel.receive`. A file that was announced may be reported as lost later."""
        message = await self.channel.receive()
        content = message.get("content")
        text = str(content.get("text", "")) if isinstance(content, dict) else ""
        if "could not be saved" in text:
            for name in [each for each in self._files if repr(each) in text]:
                del self._files[name]
                self.results.went_wrong(FILE, self.transport, "announced, and then lost", text)
        return message

    def close(self) -> None:
        """See `Channel.close`."""
        self.channel.close()
