"""All that the admin page shows, as a JSON object; see "Administration" in docs/protocol.rst.

Sites are whatever clients claim. Addresses and ids are shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from attrs import asdict, define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sagecell_tx.http.admin.merging import OVERVIEW, AskPeers, merged_overview, nobody
from sagecell_tx.http.admin.status import Status
from sagecell_tx.process.redaction import short_address, short_id
from sagecell_tx.sessions.admission.places import Pool
from sagecell_tx.sessions.admission.visitors import Purpose, Scope, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import KernelMachine, MeasuringHost, Usage
from sagecell_tx.sessions.lifecycle.session import Session

_log = Logger()

#: Sessions, sites, names of a budget and waiting visitors that are told at most.
SESSIONS = 500
TOP = 10
WAITING = 50

#: Seconds for which a measurement is used again, whoever looks.
FRESH = 1.0

#: The scopes whose names are told. That of a page is a secret of the page's.
_TOLD = (Scope.ADDRESS, Scope.NETWORK, Scope.SITE, Scope.KEY)
_ADDRESSES = (Scope.ADDRESS, Scope.NETWORK)


@define(kw_only=True)
class Overview:
    """Collects what is shown. `machines` tells them; `salt` is random, and of this process alone.

    `beside` asks the other web processes of the same server.
    """

    status: Status
    clock: IReactorTime
    salt: bytes
    machines: Callable[[], Sequence[KernelMachine]]
    beside: AskPeers = nobody
    _began: float = field(init=False)
    _usages: dict[str, Usage] = field(factory=dict, init=False)
    _measured: float | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._began = self.clock.seconds()

    def handle(self, session: Session) -> str:
        """The name by which the operator stops a session: it does not tell the kernel's id."""
        return blake2b(session.kernel_id.encode(), key=self.salt, digest_size=12).hexdigest()

    def stop(self, handle: str) -> bool:
        """Stop the session of that name; returns whether it is here."""
        session = self.find(handle)
        if session is None:
            return False
        _log.info("admin: {kernel} is stopped", kernel=short_id(session.kernel_id))
        session.stop(Reason.STOPPED)
        return True

    def find(self, handle: str) -> Session | None:
        """The live session of that name."""
        sessions = self.status.fleet.sessions
        return next((each for each in sessions if self.handle(each) == handle), None)

    async def whole(self) -> dict[str, Any]:
        """The object, of all web processes of the server."""
        return merged_overview(await self.fields(), await self.beside(OVERVIEW))

    async def fields(self) -> dict[str, Any]:
        """The same of this process."""
        usages = await self._measure()
        fleet, now = self.status.fleet, self.clock.seconds()
        sessions = sorted(fleet.visited, key=lambda each: _weight(usages.get(each[0].kernel_id)))
        told = [self._session(*each, usages, now) for each in sessions[:SESSIONS]]
        return {
            "status": self.status.fields(),
            "uptime_seconds": round(now - self._began, 1),
            "machines": [asdict(each) for each in self.machines()],
            "sessions": sorted(told, key=lambda each: -each["age_seconds"]),
            "sessions_total": len(fleet),
            "places": {
                purpose.value: _places(pool) for purpose, pool in fleet.admission.pools.items()
            },
            "budgets": list(_budgets(fleet.admission.pools)),
            "queue": list(_queue(fleet.admission.pools)),
            "sites": self._sites(),
        }

    async def _measure(self) -> Mapping[str, Usage]:
        host, now = self.status.host, self.clock.seconds()
        is_fresh = self._measured is not None and now - self._measured < FRESH
        if isinstance(host, MeasuringHost) and not is_fresh:
            self._measured = now
            self._usages = await host.usages()
        return self._usages

    def _session(
        self, session: Session, visitor: Visitor, usages: Mapping[str, Usage], now: float
    ) -> dict[str, Any]:
        usage = usages.get(session.kernel_id)
        return {
            "handle": self.handle(session),
            "kernel": short_id(session.kernel_id),
            "kind": session.spec.name,
            "purpose": visitor.purpose.value,
            "state": state_of(session),
            "age_seconds": round(now - session.began, 1),
            "cpu_seconds": None if usage is None else round(usage.cpu_seconds, 2),
            "memory_bytes": None if usage is None else usage.memory_bytes,
            "waiting_bytes": session.audience.unwritten,
            "listeners": session.audience.listening,
            "site": visitor.site,
            "address": short_address(visitor.address),
            "key": visitor.key,
        }

    def _sites(self) -> list[dict[str, Any]]:
        live: dict[str, int] = {}
        for _, visitor in self.status.fleet.visited:
            live[visitor.site] = live.get(visitor.site, 0) + 1
        return [
            {"site": site, "begun": begun, "live": live.get(site, 0)}
            for site, begun in self.status.fleet.sites.top(TOP)
        ]


def state_of(session: Session) -> str:
    """The state of a session, in the words of docs/lifecycle.rst."""
    if session.ending:
        return "stopping"
    state, audience = session.execution_state, session.audience
    if state in ("idle", "busy") and not audience.present:
        return "detached" if audience.ever_present else "unclaimed"
    return state


def _weight(usage: Usage | None) -> float:
    """Those that use most come first."""
    return 0.0 if usage is None else -usage.cpu_seconds


def _places(pool: Pool) -> dict[str, int]:
    return {
        "taken": pool.taken,
        "limit": pool.size,
        "waiting": len(pool.queue),
        "queue_limit": pool.queue.room,
    }


def _budgets(pools: Mapping[Purpose, Pool]) -> Iterable[dict[str, Any]]:
    """Those who have the most kernels, for each kind of budget."""
    for purpose, pool in pools.items():
        for scope in _TOLD:
            budget = pool.budgets.by_scope[scope]
            for name, kernels in budget.taken.most_common(TOP):
                yield {
                    "purpose": purpose.value,
                    "scope": scope.value,
                    "name": short_address(name) if scope in _ADDRESSES else name,
                    "kernels": kernels,
                    "limit": budget.most,
                }


def _queue(pools: Mapping[Purpose, Pool]) -> Iterable[dict[str, Any]]:
    for purpose, pool in pools.items():
        for position, visitor in pool.queue.positions[:WAITING]:
            yield {
                "purpose": purpose.value,
                "position": position,
                "site": visitor.site,
                "address": short_address(visitor.address),
                "key": visitor.key,
            }
