"""What is to be read of a fleet: its sessions, how they end, what waits, who is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sagecell_tx.sessions.admission.refusals import CODES
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import LOCAL
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.metrics import Kind, Measure, Tally, counters, gauge, gauges

#: The states of a session that lives.
STATES = ("starting", "idle", "busy", "ending")


def state_of(session: Session) -> str:
    """One of `STATES`."""
    return "ending" if session.ending else session.execution_state


def fleet_measures(fleet: Fleet) -> Iterator[Measure]:
    """All measures of `fleet`."""
    sessions = list(fleet.sessions)
    found = Counter((state_of(session), session.machine) for session in sessions)
    machines = {LOCAL, *(machine for _, machine in found)}
    yield Measure(
        name="sessions",
        kind=Kind.GAUGE,
        about="Sessions that live, each with a kernel, by state.",
        labels=("state", "machine"),
        values={
            (state, machine): found[state, machine] for state in STATES for machine in machines
        },
    )
    yield gauge(
        "listeners",
        "Clients that listen to sessions that live.",
        sum(session.audience.listening for session in sessions),
    )
    yield counters(
        "session_ends",
        "Sessions that have ended, by reason.",
        "reason",
        {reason.value: fleet.deaths.total[reason] for reason in Reason},
    )
    yield gauges(
        "waiting_bytes",
        "Bytes of messages that clients, clients of ended sessions, or kernels have not read.",
        "reader",
        {
            "clients": sum(session.audience.unwritten for session in sessions),
            "clients_of_ended": fleet.unread_of_ended,
            "kernels": sum(session.unread for session in sessions),
        },
    )
    yield from _admission(fleet)
    yield from _traffic(fleet)


def _admission(fleet: Fleet) -> Iterator[Measure]:
    admission = fleet.admission
    pools = {purpose.value: pool for purpose, pool in admission.pools.items()}
    yield gauges(
        "places_taken",
        "Kernels that count as in use, those that are ending included, by purpose.",
        "purpose",
        {purpose: pool.taken for purpose, pool in pools.items()},
    )
    yield gauges(
        "places",
        "Kernels that may be in use at a time, by purpose.",
        "purpose",
        {purpose: pool.size for purpose, pool in pools.items()},
    )
    yield gauges(
        "queue_length",
        "Requests that wait since all kernels are in use, by purpose.",
        "purpose",
        {purpose.value: admission.waiting(purpose) for purpose in Purpose},
    )
    yield counters(
        "refusals",
        "Requests for a kernel that were refused, by the word that the client got.",
        "code",
        _refused(admission.refused),
    )


def _refused(refused: Counter[str]) -> dict[str, int]:
    """All codes, those that are not in `CODES` together."""
    known = {code: refused[code] for code in CODES}
    return {**known, "other": refused.total() - sum(known.values())}


def _traffic(fleet: Fleet) -> Iterator[Measure]:
    ways: dict[str, dict[str, Tally]] = {
        "from_kernel": fleet.traffic.from_kernels,
        "to_kernel": fleet.traffic.to_kernels,
    }
    tallies = {
        (direction, channel): tally
        for direction, by_channel in ways.items()
        for channel, tally in by_channel.items()
    }
    labels = ("direction", "channel")
    yield Measure(
        name="messages",
        kind=Kind.COUNTER,
        about="Messages between sessions and their kernels.",
        labels=labels,
        values={key: tally.messages for key, tally in tallies.items()},
    )
    yield Measure(
        name="message_bytes",
        kind=Kind.COUNTER,
        about="Bytes of messages between sessions and their kernels.",
        labels=labels,
        values={key: tally.size for key, tally in tallies.items()},
    )
