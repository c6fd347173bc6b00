"""``python -m benchmarks.ordeal``: what visitors see while everything fails, one thing after the other.

Two web processes that share a socket, three machines in networks of their own, a controller of ipyparallel, and
PostgreSQL on a small disk. The visitors are those of ``sagecell-tx load``, and some whose sessions stay. Meanwhile
the database is stopped, killed, and has no room; a machine loses its power, another one its network or its disk; the
engine, the controller and the web process are killed, and the web process is rolled twice. The exit status is 1 if
anything that was acknowledged is lost, if anything is left over, or if an event could not be done.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, DeferredList

from benchmarks import machine
from benchmarks.ordeal.cluster import WholeCluster, whole_cluster
from benchmarks.ordeal.disks import why_no_disks
from benchmarks.ordeal.events import Director, Happened
from benchmarks.ordeal.failures import DRAIN, events
from benchmarks.ordeal.programs import ORDEAL_PROGRAMS
from benchmarks.ordeal.remains import Remains, adopt_orphans, keep_logs
from benchmarks.ordeal.residents import Residents
from benchmarks.ordeal.seen import Seen
from sagecell_tx.commands.arguments import duration
from sagecell_tx.commands.reacting import run_reactor
from sagecell_tx.remote.load.models import ClassModel, Evaluate, Model, Stage
from sagecell_tx.remote.load.report import report
from sagecell_tx.remote.load.run import LoadRun
from sagecell_tx.remote.load.visits import visits_to
from tests.integration.netspaces import why_not
from tests.postgresql import programs


@define(kw_only=True)
class Together:
    """Several models at once; over when all are. A `Model`."""

    models: Sequence[Model]

    @property
    def sentence(self) -> str:
        """See `Model.sentence`."""
        return ", ".join(model.sentence for model in self.models)

    def run(self, evaluate: Evaluate, stage: Stage) -> Deferred[None]:
        """See `Model.run`."""
        running = [model.run(evaluate, stage) for model in self.models]
        return DeferredList(running, consumeErrors=True).addCallback(lambda _: None)


@define(kw_only=True)
class Ordeal:
    """One run: the load, and the director of the events."""

    run: LoadRun
    seen: Seen
    director: Director


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it all and print what was seen."""
    options = _options(arguments)
    if programs() is None:
        print("PostgreSQL is not installed: make postgresql")
        return 1
    _end_in_order()
    adopt_orphans()
    no_networks, no_disks = why_not(), why_no_disks()
    print("\n".join(machine.describe()))
    if no_networks:
        print(f"Machines have no networks of their own, and none is cut: {no_networks}")
    if no_disks:
        print(f"No disk is filled: {no_disks}")
    remains, ordeals = Remains(), list[Ordeal]()
    drain_seconds = max(2.0, DRAIN * options.seconds)
    with whole_cluster(
        with_networks=not no_networks, with_disks=not no_disks, drain_seconds=drain_seconds
    ) as cluster:
        print(f"{cluster.url}, confinement: {cluster.web.status()['sandbox']}\n", flush=True)
        try:

            async def load(reactor: Any) -> None:
                ordeals.append(_ordeal(options, reactor, cluster))
                await ordeals[0].run.run()

            run_reactor(load, lambda _: ordeals[0].run.cut())
            _end_in_order()
            if not ordeals[0].run.is_cut:
                remains.of_visitors(cluster)
                remains.of_everything(cluster)
            remains.of_logs(cluster)
        finally:
            if options.logs is not None:
                keep_logs(cluster, options.logs)
    return _told(ordeals[0], remains, options.json)


def _end_in_order() -> None:
    """Leave nothing behind when this is terminated; a reactor has handlers of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _ordeal(options: argparse.Namespace, reactor: Any, cluster: WholeCluster) -> Ordeal:
    """The run that the options ask for; its time begins now."""
    began, random = reactor.seconds(), Random(options.seed)
    seen = Seen(now=lambda: reactor.seconds() - began)
    visits = visits_to(
        cluster.url,
        reactor=reactor,
        connections=200,
        random=random,
        results=seen,
        programs=ORDEAL_PROGRAMS,
    )
    director = Director(events=list(events(cluster)), now=seen.now, tell=_tell)
    run = LoadRun(
        model=Together(
            models=[
                ClassModel(visitors=options.visitors, think=options.think),
                Residents(visits=visits, number=options.residents, think=options.think),
                director,
            ]
        ),
        stage=Stage(clock=reactor, random=random, seconds=options.seconds, most=10**7),
        visits=visits,
        clock=reactor,
        progress=lambda _: None,
    )
    return Ordeal(run=run, seen=seen, director=director)


def _tell(happened: Happened) -> None:
    print(f"{happened.at:7.1f} s  {happened.sentence}", flush=True)


def _told(ordeal: Ordeal, remains: Remains, json_file: Path | None) -> int:
    """Print the report; returns the exit status."""
    results, happened = ordeal.seen, ordeal.director.happened
    print()
    for line in [*results.time_line(happened), "", *report(ordeal.run)]:
        print(line)
    if json_file is not None:
        fields = {**ordeal.run.fields, "left": remains.left, "remarks": remains.remarks}
        fields["events"] = [f"{each.at:.1f} {each.sentence}" for each in happened]
        json_file.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
    _list("in the logs", remains.remarks)
    _list("LEFT OVER", remains.left)
    failed = [each.what for each in happened if not each.is_good]
    _list("COULD NOT BE DONE", failed)
    if ordeal.run.is_cut:
        return 130
    is_good = results.done and not (results.lost or remains.left or failed)
    print(f"\n{'Nothing acknowledged is lost, and nothing is left over.' if is_good else 'FAILED'}")
    return 0 if is_good else 1


def _list(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"\n{title}:")
        print(*(f"  {line}" for line in lines), sep="\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ordeal", description=__doc__)
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        default=600.0,
        metavar="TIME",
        help="how long visitors come, such as 1m; the events are spread over it [10m]",
    )
    parser.add_argument(
        "--visitors", type=int, default=10, help="how many visitors come and go [10]"
    )
    parser.add_argument(
        "--residents", type=int, default=4, help="how many others keep their sessions [4]"
    )
    parser.add_argument(
        "--think", type=duration, default=3.0, metavar="TIME", help="pause between evaluations [3s]"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of programs and times [1]")
    parser.add_argument("--logs", type=Path, metavar="DIRECTORY", help="keep all logs in DIRECTORY")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the report to FILE, as JSON"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
