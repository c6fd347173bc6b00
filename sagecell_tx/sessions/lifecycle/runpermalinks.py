"""Stores the programs of executions whose clients ask for a permalink.

    -> execute_request, whose metadata has {"sagecell": {"permalink": true}}
    <- sagecell_permalink {"id", "address"}, or {"error", "message"}, whose parent is the request

The request is sent to the kernel without waiting for the database, whose answer comes among the
output. All of the request is untrusted.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.interfaces import (
    Permalink,
    PermalinkRefused,
    RunPermalinkStore,
    StoreFull,
    StoreUnavailable,
)
from sagecell_tx.wire.jsonbounds import QUESTION_MARKS
from sagecell_tx.wire.messages import Message, WireError, parse_object

_log = Logger()

MSG_TYPE = "sagecell_permalink"

#: Seconds for which a session that has ended waits for the database, so that its clients learn of their
#: permalinks. Until then the store says when it gives up.
PATIENCE = 2.0

#: Programs of one session that may be on their way to the database.
WAITING = 32

#: Bytes of a request that count as one permalink. Longer ones count as several: a few visitors with
#: long programs would otherwise use up the space for everybody's.
COUNTED = 8 * 1024

#: Characters in the name of a language.
LANGUAGE = 32

OFF = "This server stores a program only when it is shared."
TOO_LONG = "The program is too long for a permalink."
TOO_LATE = "The server's storage did not answer in time."
TOO_MANY = "Too many programs of this session are being stored."

# In the metadata of a request that asks, as `wire` writes JSON: other metadata are not parsed.
_ASKED = b'"permalink":true'

# The most bytes of JSON for one character, which are two escapes, and for all else in a request.
_CHARACTER = 12
_REST = 64 * 1024

#: Sends a message to all listeners on behalf of the kernel: type, content, parent header.
Publish = Callable[[str, dict[str, Any], bytes], None]


@define(kw_only=True, eq=False)
class RunPermalinks:
    """The permalinks of one session's programs; none without a `store`.

    `client` names who runs the programs. `count` counts so many more permalinks of theirs; it
    raises `PermalinkRefused` if that exceeds a limit. `baseurl` precedes the path in addresses.
    """

    clock: IReactorTime
    store: RunPermalinkStore | None = None
    client: str = ""
    count: Callable[[int], None] = lambda _: None
    limits: RequestLimits = field(factory=RequestLimits)
    baseurl: str = ""
    _answers: set[Deferred[None]] = field(factory=set, init=False)
    _saves: set[Deferred[str]] = field(factory=set, init=False)

    def begin(self, request: Message, publish: Publish) -> None:
        """Begin to store the program of `request` if it asks for a permalink. Never raises."""
        if _ASKED not in request.metadata or request.msg_type != "execute_request":
            return
        answer = Deferred.fromCoroutine(self._answer(request, publish))
        answer.addErrback(lambda failure: _log.failure("a permalink of a run", failure))
        if not answer.called:
            self._answers.add(answer)
            answer.addCallback(lambda _: self._answers.discard(answer))

    def settle(self) -> Deferred[None]:
        """Fires when all requests are answered, within `PATIENCE`. Cancelling changes nothing."""
        answered = DeferredList(list(self._answers))
        if not self._answers:
            return answered.addCallback(lambda _: None)
        timer = self.clock.callLater(PATIENCE, self._give_up)

        def settled(_: object) -> None:
            if timer.active():
                timer.cancel()

        return answered.addCallback(settled)

    def _give_up(self) -> None:
        for save in list(self._saves):
            save.cancel()

    async def _answer(self, request: Message, publish: Publish) -> None:
        try:
            ident = await self._save(request)
            content = {"id": ident, "address": f"{self.baseurl}/?q={ident}"}
        except (PermalinkRefused, WireError) as error:
            content = {"error": error.code, "message": error.message}
        except StoreFull as error:
            content = {"error": "store_full", "message": str(error)}
        except StoreUnavailable as error:
            content = {"error": "store_unavailable", "message": str(error)}
        except CancelledError:
            content = {"error": "store_unavailable", "message": TOO_LATE}
        publish(MSG_TYPE, content, request.header)

    async def _save(self, request: Message) -> str:
        """The id of the request's permalink. Raises `PermalinkRefused` or `WireError`."""
        if self.store is None:
            raise PermalinkRefused("permalinks_off", OFF)
        if len(self._answers) >= WAITING:
            raise PermalinkRefused("store_unavailable", TOO_MANY)
        self.count(ceil((len(request.metadata) + len(request.content)) / COUNTED))
        most = self.limits.code_characters
        permalink = _permalink(request, _REST + _CHARACTER * most)
        if max(len(permalink.code), len(permalink.interacts)) > most:
            raise PermalinkRefused("code_too_long", TOO_LONG)
        save = self.store.save(permalink, self.client)
        self._saves.add(save)
        try:
            return await save
        finally:
            self._saves.discard(save)


def _permalink(request: Message, longest: int) -> Permalink:
    """The program of a request. Raises `PermalinkRefused` or `WireError`.

    It is the code that is run, unless that is wrapped: then the metadata has the program.
    """
    if max(len(request.metadata), len(request.content)) > longest:
        raise PermalinkRefused("code_too_long", TOO_LONG)
    metadata = parse_object(request.metadata, QUESTION_MARKS)
    asked = metadata.get("sagecell")
    if not isinstance(asked, dict):
        asked = {}
    code = asked.get("code")
    if not isinstance(code, str):
        code = request.parsed_content(longest, QUESTION_MARKS).get("code")
    language, interacts = metadata.get("language"), asked.get("interacts")
    return Permalink(
        code=code if isinstance(code, str) else "",
        language=language[:LANGUAGE] if isinstance(language, str) else "sage",
        interacts=interacts if isinstance(interacts, str) else "[]",
    )
