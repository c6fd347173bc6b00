"""All sessions of this process, and the service that ends them in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.defer import TimeoutError as DeadlineReached
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.limits import Limits
from sagecell_tx.sessions.admission.admission import Admission
from sagecell_tx.sessions.admission.countedstarts import CountedStarts
from sagecell_tx.sessions.admission.places import Place, Pool
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.admission.storagebudgets import (
    FileAllowance,
    Metered,
    RunPermalinkAllowance,
)
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.draining import Draining
from sagecell_tx.sessions.fleet.lastreaders import LastReaders
from sagecell_tx.sessions.fleet.longmessages import LongMessages
from sagecell_tx.sessions.fleet.retention import EndedSessions
from sagecell_tx.sessions.fleet.sites import Sites
from sagecell_tx.sessions.fleet.statistics import Deaths
from sagecell_tx.sessions.fleet.yielding import Yielding
from sagecell_tx.sessions.interfaces import FileStore, Host, PermalinkRefused, RunPermalinkStore
from sagecell_tx.sessions.lifecycle.programsample import ProgramSample
from sagecell_tx.sessions.lifecycle.runpermalinks import RunPermalinks
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.metrics import Traffic
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import KernelSpec

_log = Logger()

#: How long a stopping server waits for polling clients to read the last messages, and how often
#: it checks whether they have, in seconds.
FAREWELL = 3.0
_LOOK = 0.05

#: How long a failed start goes on counting as one in progress, in seconds: the time that its
#: process may take to be killed. Removing its directory may take longer and is not waited for.
GONE = 1.0


@define(kw_only=True, eq=False)
class Fleet(Service):
    """The sessions by kernel id; their kernels are of the kind `spec`, unless another is asked for.

    Programs get permalinks when they are run, if there is a store for them in `permalinks`. Their
    addresses begin with `baseurl`. `is_ready` tells whether `host` has a kernel of a kind that it
    need not start; for `has_room` and `shared` see `Admission`. `has_answered` tells whether no client waits for
    the rest of an answer, as of a file.
    """

    host: Host
    spec: KernelSpec
    files: FileStore
    limits: Limits
    clock: IReactorTime
    originator: Originator
    starts: Starts
    permalinks: RunPermalinkStore | None = None
    baseurl: str = ""
    is_ready: Callable[[KernelSpec], bool] = lambda _: False
    has_room: Callable[[], bool] = lambda: True
    has_answered: Callable[[], bool] = lambda: True
    shared: Mapping[Purpose, Pool] | None = None
    sample: ProgramSample = field(factory=ProgramSample)
    traffic: Traffic = field(factory=Traffic, init=False)
    admission: Admission = field(init=False)
    allowance: FileAllowance = field(init=False)
    permalink_allowance: RunPermalinkAllowance = field(init=False)
    deaths: Deaths = field(init=False)
    ended: EndedSessions = field(init=False)
    sites: Sites = field(factory=Sites, init=False)
    _last_readers: LastReaders = field(init=False)
    _long_messages: LongMessages = field(init=False)
    _yielding: Yielding = field(init=False)
    _draining: Draining = field(init=False)
    _on_deserted: list[Callable[[], None]] = field(factory=list, init=False)
    _sessions: dict[str, Session] = field(factory=dict, init=False)
    _places: dict[str, Place] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.admission = Admission(
            limits=self.limits.admission,
            clock=self.clock,
            has_room=self.has_room,
            shared=self.shared,
        )
        self.allowance = FileAllowance(self.limits.files)
        self.permalink_allowance = RunPermalinkAllowance(self.limits.requests)
        self.deaths = Deaths(self.clock.seconds)
        self.ended = EndedSessions(clock=self.clock, limits=self.limits.lifetime)
        self._last_readers = LastReaders(most=self.limits.requests.unread_answer_bytes)
        self._long_messages = LongMessages(
            clock=self.clock,
            limits=self.limits.messages,
            traffic=self.traffic,
            visited=lambda: self.visited,
        )
        self._yielding = Yielding(
            clock=self.clock,
            limits=self.limits.lifetime,
            sessions=self._sessions.values,
            waiting=lambda: self.admission.wanted,
        )
        self._draining = self._new_draining()

    def _new_draining(self) -> Draining:
        return Draining(
            clock=self.clock,
            limits=self.limits.lifetime,
            is_over=self._is_drained,
            warn=self._warn_of_draining,
        )

    def __len__(self) -> int:
        return len(self._sessions)

    def new_id(self) -> str:
        """An id for a kernel that is about to be opened."""
        return self.originator.new_id()

    def open(
        self,
        visitor: Visitor,
        *,
        timeout: float,
        kernel_id: str = "",
        patience: float | None = None,
        on_moved: Callable[[Position], None] = lambda _: None,
        lasting: bool = False,
        language: str = "",
        spec: KernelSpec | None = None,
    ) -> Deferred[Session]:
        """Begin a session, at once if there is a place, otherwise at its turn in the queue.

        `timeout` is the idle timeout in seconds, from 0 up, capped at the limit; it may be
        infinite. For the rest see `Admission.admit`; `patience` is by default
        `limits.admission.queue_seconds`. Fails with `Refused`. Cancelling leaves the queue.
        Raises ValueError for another `timeout`. With `lasting`, the kernel has the lifetime of
        `limits.jupyter`. `language` is for programs that do not say theirs; see `Bridge`. The kernel
        is of the kind `spec`, by default that of the fleet.
        """
        if not timeout >= 0:
            raise ValueError(f"timeout must be a number from 0 up, not {timeout!r}")
        patience = self.limits.admission.queue_seconds if patience is None else patience
        end = self.clock.seconds() + patience
        place = self.admission.admit(visitor, patience=patience, on_moved=on_moved)
        if not place.called:
            self._yielding.look()
        wanted = spec or self.spec
        return place.addCallback(self._await_turn, end, wanted).addCallback(
            self._begin, kernel_id or self.new_id(), timeout, lasting, language, wanted
        )

    def _await_turn(
        self, place: Place, end: float, spec: KernelSpec
    ) -> Deferred[tuple[Place, CountedStarts]]:
        """Fires with the place when its kernel may be started; fails at `end`, if not before.

        A kernel that is ready needs no turn, whoever waits for one. After a failure the place is
        released.
        """
        starts = CountedStarts(starts=self.starts, who=place.visitor.holder, clock=self.clock)

        def give_up(failure: Failure) -> Failure:
            if isinstance(failure.value, Refused):
                self.admission.refused[failure.value.code] += 1
            place.release()
            return failure

        if self.is_ready(spec):
            return succeed((place, starts))
        left = max(0.0, end - self.clock.seconds())
        return starts.turn(left).addCallbacks(lambda _: (place, starts), give_up)

    def _begin(
        self,
        placed: tuple[Place, CountedStarts],
        kernel_id: str,
        timeout: float,
        lasting: bool,
        language: str,
        spec: KernelSpec,
    ) -> Session:
        place, starts = placed
        limits = self.limits.of_jupyter if lasting else self.limits
        session = Session(
            kernel_id=kernel_id,
            spec=spec,
            host=self.host,
            files=Metered(self.files, partial(self._count, place.visitor)),
            permalinks=RunPermalinks(
                clock=self.clock,
                store=self.permalinks,
                client=_client(place.visitor, kernel_id),
                count=partial(self._count_permalinks, place.visitor),
                limits=self.limits.requests,
                baseurl=self.baseurl,
            ),
            limits=limits,
            clock=self.clock,
            originator=self.originator,
            on_settled=partial(self._settle, starts),
            on_request=starts.request_began,
            on_rest=starts.over,
            on_slice_over=self._long_messages.slice_over,
            turn_to_restart=partial(self._turn_to_restart, place, starts),
            on_stopping=self._leave,
            on_dead=self._remove,
            timeout=min(timeout, limits.lifetime.idle_seconds),
            lasting=lasting,
            language=language,
            traffic=self.traffic,
            sample=self.sample,
        )
        self._sessions[kernel_id] = session
        self._places[kernel_id] = place
        self.sites.add(place.visitor.site)
        session.start()
        left = self._draining.seconds_left
        if left is not None:  # it had waited in the queue
            session.warn(Reason.DRAINING, float(round(left)))
        return session

    def _turn_to_restart(self, place: Place, starts: CountedStarts) -> Deferred[None]:
        """Fires when a kernel may be started again, in its place. Fails with `Refused`."""
        patience = self.limits.admission.queue_seconds
        return place.start_again().addCallback(lambda _: starts.turn(patience))

    def _settle(self, starts: CountedStarts, session: Session) -> None:
        """A start has succeeded, or failed: then it counts until its process should be gone."""
        if session.running:
            starts.up()
            return
        gone = session.when_dead().addTimeout(GONE, self.clock)
        gone.addErrback(lambda failure: failure.trap(DeadlineReached) and None)
        gone.addCallback(lambda _: starts.over())

    def _count(self, visitor: Visitor, name: str, size: int) -> None:
        self.allowance.take(visitor, self.clock.seconds(), name, size)

    def _count_permalinks(self, visitor: Visitor, number: int) -> None:
        """Count permalinks of runs; raises `PermalinkRefused`."""
        try:
            self.permalink_allowance.take(visitor, self.clock.seconds(), number)
        except Refused as error:
            raise PermalinkRefused(error.code, error.message) from error

    @property
    def unread_of_ended(self) -> int:
        """The bytes that are kept for clients of sessions that have ended."""
        return self._last_readers.kept

    @property
    def sessions(self) -> Collection[Session]:
        """The sessions that live."""
        return self._sessions.values()

    @property
    def visited(self) -> Iterator[tuple[Session, Visitor]]:
        """The sessions that live, and who has begun each."""
        return ((session, self._places[name].visitor) for name, session in self._sessions.items())

    def get(self, kernel_id: str) -> Session | None:
        """The session of that kernel, while it lives."""
        return self._sessions.get(kernel_id)

    def remembered(self, kernel_id: str) -> Session | None:
        """The session of that kernel, also after its end while it is kept."""
        return self._sessions.get(kernel_id) or self.ended.get(kernel_id)

    @override
    def startService(self) -> None:
        """Begin to admit visitors."""
        super().startService()
        self._draining = self._new_draining()
        self.admission.reopen()

    @property
    def draining(self) -> float | None:
        """Seconds until the sessions that are left will be ended; None if the fleet is not draining."""
        return self._draining.seconds_left

    def drain(self) -> Deferred[None]:
        """Admit nobody more, and let the sessions end by themselves. To be called once.

        Fires when all have, and their clients have read everything, or after `limits.lifetime.drain_seconds`.
        Listeners are told how long they have. Visitors who wait in the queue have their turns as before.
        """
        self.admission.close()
        return self._draining.begin()

    def make_room(self) -> None:
        """Others wait for a place, as `Admission.wanted` says: sessions that nobody needs may have to end."""
        self._yielding.look()

    def when_deserted(self, call: Callable[[], None]) -> None:
        """Call this, perhaps repeatedly, when the fleet was drained and no session is left."""
        self._on_deserted.append(call)

    def _is_drained(self) -> bool:
        if not self.admission.is_empty or self.ended.has_unread or self._last_readers.are_reading:
            return False
        for call in self._on_deserted:
            call()
        return self.has_answered()

    def _warn_of_draining(self, seconds: float) -> None:
        for session in list(self._sessions.values()):
            session.warn(Reason.DRAINING, seconds)

    @override
    def stopService(self) -> Deferred[None]:
        """Admit nobody and end all sessions; fires when all have ended and clients know why.

        Clients that poll have `FAREWELL` seconds to read the reason.
        """
        super().stopService()
        self.admission.drain()
        self._draining.stop()
        self._yielding.stop()
        self.starts.refuse_all()
        sessions = list(self._sessions.values())
        dying = [session.when_dead() for session in sessions]
        if dying:
            _log.info("ending {count} sessions", count=len(dying))
        for session in sessions:
            session.stop(Reason.DRAINING)
        read = DeferredList(dying).addCallback(lambda _: self._when_read(sessions))
        return read.addCallback(lambda _: self.ended.clear())

    def _when_read(self, sessions: Sequence[Session]) -> Deferred[None]:
        """Fires when all clients have read everything, or after `FAREWELL` seconds."""
        read: Deferred[None] = Deferred()
        end = self.clock.seconds() + FAREWELL

        def look() -> None:
            unread = any(session.audience.has_unread for session in sessions)
            if unread and self.clock.seconds() < end:
                self.clock.callLater(_LOOK, look)
            else:
                read.callback(None)

        look()
        return read

    def _leave(self, session: Session) -> None:
        self._places[session.kernel_id].leave()

    def _remove(self, session: Session, reason: Reason) -> None:
        del self._sessions[session.kernel_id]
        place = self._places.pop(session.kernel_id)
        place.release()
        if session.audience.awaits_return:
            self.ended.keep(session)
        else:
            session.audience.expect_nobody()
        self._last_readers.add(place.visitor.holder, session.audience)
        self.deaths.add(reason)
        _log.info("{kernel}: {reason}", kernel=session.kernel_id, reason=reason.value)


def _client(visitor: Visitor, kernel_id: str) -> str:
    """Who runs a kernel's programs: one page at one address; without a name of a page, one kernel."""
    return "\n".join((visitor.key, visitor.address, visitor.cell_session or kernel_id))
