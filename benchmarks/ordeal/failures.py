"""Everything that fails, and when.

What was announced to visitors may wait in a web process for the database. So no event kills a web process while
the database is away; but one is drained then.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.ordeal.cluster import WholeCluster
from benchmarks.ordeal.events import Event
from tests.integration.waiting import pause

#: Seconds of a cut that nobody notices.
SHORT_CUT = 1.5

#: The part of the whole time that sessions of a web process that was taken over from have to end.
DRAIN = 0.05


def events(cluster: WholeCluster) -> Iterator[Event]:
    """The events of an ordeal."""
    yield from _of_the_database(cluster)
    yield from _of_machines(cluster)
    yield from _of_the_controller(cluster)
    yield from _of_web_processes(cluster)


def _of_the_database(cluster: WholeCluster) -> Iterator[Event]:
    postgresql = cluster.postgresql
    yield Event(0.05, "PostgreSQL is stopped", postgresql.stop)
    yield Event(0.10, "PostgreSQL is started", postgresql.start)
    # The last sessions of a web process that drains end meanwhile.
    yield Event(0.42, "PostgreSQL is killed", postgresql.kill)
    yield Event(0.47, "PostgreSQL is started", postgresql.start)
    if (disk := postgresql.disk) is not None:

        def freed() -> str:
            disk.free()
            return "its server had ended, and is started" if postgresql.revive() else ""

        yield Event(0.62, "PostgreSQL's disk is full", disk.fill)
        yield Event(0.68, "PostgreSQL's disk has room", freed)


def _of_machines(cluster: WholeCluster) -> Iterator[Event]:
    first, second, third = cluster.machines
    yield Event(0.15, "the engine of m0 is killed", lambda: first.engine.kill())
    yield Event(0.19, "m1 loses its power", second.lose_power)
    yield Event(0.26, "m1 is started", second.boot)
    if (space := third.space) is not None:

        def cut() -> None:
            space.cut()
            pause(SHORT_CUT)
            space.join()

        yield Event(0.33, "the network of m2 is cut", cut)
    if first.disk is not None:
        yield Event(0.74, "the disk of m0 is full", first.disk.fill)
        yield Event(0.80, "the disk of m0 has room", first.disk.free)


def _of_the_controller(cluster: WholeCluster) -> Iterator[Event]:
    yield Event(0.52, "the controller is killed", cluster.controller.kill)
    yield Event(0.56, "the controller is started", cluster.controller.start)


def _of_web_processes(cluster: WholeCluster) -> Iterator[Event]:
    yield Event(0.38, "the web process is rolled", cluster.roll)
    yield Event(0.49, "the old web process has ended", cluster.await_drained)
    yield Event(0.84, "the web process is killed", cluster.kill_web)
    yield Event(0.85, "the web process is started", cluster.start_web)
    yield Event(0.91, "the web process is rolled", cluster.roll)
    yield Event(0.98, "the old web process has ended", cluster.await_drained)
