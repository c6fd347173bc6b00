"""``sagecell-tx load``: simulates many visitors, to see how many a server can take."""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from sagecell_tx.commands.arguments import duration, server_url
from sagecell_tx.commands.failing import failed
from sagecell_tx.commands.reacting import INTERRUPTED, run_reactor
from sagecell_tx.remote.load.models import ArrivalsModel, ClassModel, Model, Stage
from sagecell_tx.remote.load.programs import FOR_SERVICE, PROGRAMS
from sagecell_tx.remote.load.report import report
from sagecell_tx.remote.load.results import Results
from sagecell_tx.remote.load.run import LoadRun
from sagecell_tx.remote.load.visits import SERVICE, TRANSPORTS, visits_to
from sagecell_tx.remote.terminal import Terminal

_LOAD = """\
Simulates visitors of a server: they start kernels, run small programs of several kinds over every
transport, check the output, and store permalinks and files. At the end it checks that the server still
has everything that it said it had stored, and prints how long the visitors waited and what failed.

This can take all the capacity of the server's machine. Use it only on servers that you operate.
"""

_LOAD_MORE = """\
exit status:
  0 if everything succeeded;
  1 if something failed, or was lost;
  130 if you pressed Ctrl-C, which ends the visits and prints the report.

examples:
  sagecell-tx load --class 60 --think 20s --for 5m http://localhost:8888
  sagecell-tx load --rate 4 --for 1m --transports websocket --json load.json http://localhost:8888
"""

#: The most visitors, and arrivals a second: one process would do no more.
_VISITORS, _RATE = 5000, 1000.0


def add(commands: Any) -> None:
    """Add the command ``load``."""
    load = commands.add_parser(
        "load",
        help="simulate many visitors of a server that you operate",
        description=_LOAD,
        epilog=_LOAD_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    load.add_argument(
        "server", metavar="URL", type=server_url, help="the address of the server's page"
    )
    model = load.add_mutually_exclusive_group()
    model.add_argument(
        "--class",
        dest="visitors",
        metavar="N",
        type=partial(_number, most=_VISITORS),
        default=10,
        help="how many visitors there are all the time; each pauses between its evaluations; by default 10",
    )
    model.add_argument(
        "--rate",
        metavar="PER_SECOND",
        type=_rate,
        help="instead of --class: how many visitors arrive in a second; each evaluates once and leaves",
    )
    load.add_argument(
        "--think",
        metavar="TIME",
        type=duration,
        default=10.0,
        help="how long a visitor of --class pauses on average, such as 20s; by default 10s",
    )
    load.add_argument(
        "--for",
        dest="seconds",
        metavar="TIME",
        type=duration,
        default=60.0,
        help="how long the test lasts, such as 5m; by default 1m",
    )
    load.add_argument(
        "--most",
        metavar="N",
        type=partial(_number, most=10**7),
        default=100_000,
        help="stop after N evaluations; by default 100,000",
    )
    load.add_argument(
        "--at-once",
        metavar="N",
        type=partial(_number, most=_VISITORS),
        default=500,
        help="with --rate, the most visitors at a time; an arrival beyond that counts as a failure; by default 500",
    )
    load.add_argument(
        "--transports",
        metavar="LIST",
        type=partial(_some_of, names=TRANSPORTS),
        default=TRANSPORTS,
        help=f"how visitors connect, separated by commas; by default {','.join(TRANSPORTS)}",
    )
    load.add_argument(
        "--programs",
        metavar="LIST",
        type=partial(_some_of, names=tuple(PROGRAMS)),
        default=tuple(PROGRAMS),
        help=f"what they run, separated by commas; by default {','.join(PROGRAMS)}",
    )
    load.add_argument(
        "--patience",
        metavar="TIME",
        type=duration,
        default=60.0,
        help="how long a visitor waits for one evaluation before it counts as a failure; by default 60s",
    )
    load.add_argument(
        "--own-addresses",
        action="store_true",
        help="give each visitor another address, in X-Forwarded-For, so that the limits by address apply "
        "to each visitor; the server has to trust the machine of this command as a proxy",
    )
    load.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="the seed of all random choices, of programs and times; by default 0",
    )
    load.add_argument(
        "--accept-terms",
        action="store_true",
        help="you accept the server's terms of service, which are at URL/tos.html",
    )
    load.add_argument(
        "--json", metavar="FILE", type=Path, help="also write the report to FILE, as JSON"
    )
    load.add_argument("--quiet", action="store_true", help="show no progress")
    load.add_argument(
        "--i-operate-this-server",
        action="store_true",
        help="allow a URL of another machine",
    )
    load.set_defaults(run=_load, file="")


def _number(text: str, most: int) -> int:
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {most}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.001 <= rate <= _RATE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0.001 to {_RATE:g}")
    return rate


def _some_of(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    unknown = [each for each in chosen if each not in names]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(names)}")
    return chosen


def is_loopback(url: str) -> bool:
    """Whether the host of a URL is this machine, whatever a name server says."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _load(options: argparse.Namespace) -> int:
    if not is_loopback(options.server) and not options.i_operate_this_server:
        return failed(
            f"{options.server} is another machine. If you operate it, and its users know: "
            "--i-operate-this-server",
            2,
        )
    if options.transports == (SERVICE,) and FOR_SERVICE.isdisjoint(options.programs):
        return failed(f"/service runs only these: {', '.join(sorted(FOR_SERVICE))}", 2)
    terminal = Terminal(out=sys.stdout, err=sys.stderr, is_quiet=options.quiet)
    made: list[LoadRun] = []

    async def load(reactor: Any) -> None:
        made.append(load_run(options, reactor, terminal))
        await made[0].run()

    run_reactor(load, lambda _: made[0].cut())
    (run,) = made
    for line in report(run):
        print(line)  # noqa: T201
    if options.json is not None:
        options.json.write_text(json.dumps(run.fields, indent=2) + "\n", encoding="utf-8")
    if run.is_cut:
        return INTERRUPTED
    return 0 if run.results.are_good else 1


def load_run(options: argparse.Namespace, reactor: Any, terminal: Terminal) -> LoadRun:
    """The run that the command line asks for."""
    random = Random(options.seed)  # noqa: S311 - no secret
    results = Results()
    model: Model = (
        ClassModel(visitors=options.visitors, think=options.think)
        if options.rate is None
        else ArrivalsModel(rate=options.rate, at_once=options.at_once)
    )
    visits = visits_to(
        options.server,
        reactor=reactor,
        connections=2 * max(options.visitors, options.at_once),
        random=random,
        results=results,
        transports=options.transports,
        programs={name: PROGRAMS[name] for name in options.programs},
        patience=options.patience,
        form={"accepted_tos": "true"} if options.accept_terms else {},
    )
    return LoadRun(
        model=model,
        stage=Stage(clock=reactor, random=random, seconds=options.seconds, most=options.most),
        visits=visits,
        clock=reactor,
        progress=terminal.progress,
        headers=_own_address if options.own_addresses else lambda _: {},
    )


def _own_address(number: int) -> dict[str, str]:
    """The header by which the visitor of that number has an address, and a network, of its own.

    Source: RFC 2544, appendix C.2.2, for the addresses.
    """
    return {
        "X-Forwarded-For": f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"
    }
