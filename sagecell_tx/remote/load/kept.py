"""What the server has acknowledged to keep, and whether it still has it at the end."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from sagecell_tx.remote.load.outcomes import Failed
from sagecell_tx.remote.load.requests import Requests, in_time
from sagecell_tx.remote.load.results import Results
from sagecell_tx.wire.messages import WireError, parse_json

#: Requests at a time, attempts for each thing, and seconds between these: a server that is just being restarted
#: has lost nothing.
AT_ONCE = 20
ATTEMPTS = 5
PAUSE = 3.0

#: Seconds for one answer.
PATIENCE = 30.0


@frozen
class _Thing:
    """Something that was acknowledged: what it is, where, and what is there."""

    what: str
    path: str
    is_right: Callable[[bytes], bool]


@define(kw_only=True)
class Kept:
    """Remembers acknowledged permalinks and files, and looks for them."""

    requests: Requests
    clock: IReactorTime
    results: Results
    _things: list[_Thing] = field(factory=list, init=False)

    def permalink(self, ident: str, code: str) -> None:
        """A permalink was acknowledged."""
        self._add("permalink", f"/permalink?q={quote(ident)}", lambda body: _first(body) == code)

    def file(self, kernel_id: str, name: str, content: bytes) -> None:
        """A file was acknowledged."""
        path = f"/kernel/{quote(kernel_id)}/files/{quote(name)}"
        self._add("file", path, lambda body: body == content)

    def _add(self, what: str, path: str, is_right: Callable[[bytes], bool]) -> None:
        self.results.kept[what] += 1
        self._things.append(_Thing(what, path, is_right))

    async def check(self) -> None:
        """Look for everything, and count what is lost."""
        turns = DeferredSemaphore(AT_ONCE)
        things, self._things = self._things, []
        await DeferredList([turns.run(self._look, each) for each in things], consumeErrors=True)

    async def _look(self, thing: _Thing) -> None:
        kind = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await deferLater(self.clock, PAUSE, lambda: None)
            try:
                asked = Deferred.fromCoroutine(self.requests.get(thing.path))
                body = await in_time(asked, PATIENCE, self.clock)
            except Failed as error:
                kind = error.kind
                if kind.startswith("404"):
                    break
            else:
                kind = "" if thing.is_right(body) else "something else is there"
                break
        if kind:
            self.results.lost[thing.what, kind] += 1


def _first(body: bytes) -> object:
    """The first value in a JSON list; None if it is none."""
    try:
        value = parse_json(body)
    except WireError:
        return None
    return value[0] if isinstance(value, list) and value else None
