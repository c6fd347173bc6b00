"""``sagecell-tx compute``: the agent of a machine that runs kernels for web processes elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.task import react
from twisted.logger import Logger, globalLogBeginner

from sagecell_tx.commands.failing import failed
from sagecell_tx.config import ComputeConfig, ConfigError, load
from sagecell_tx.process.logs import LogWriter, writing_to
from sagecell_tx.process.resources import allow_many_descriptors, settle
from sagecell_tx.process.systemd import Notifier

_log = Logger()


def add(commands: Any) -> None:
    """Add the command ``compute``."""
    compute = commands.add_parser(
        "compute",
        help="run kernels for a server on another machine",
        description="Runs kernels on this machine for sagecell-tx servers elsewhere, until it is "
        'stopped; logs to standard output. See docs/operations.rst, "More machines".',
    )
    compute.add_argument(
        "--config",
        dest="file",
        metavar="FILE",
        type=Path,
        required=True,
        help="a TOML file with settings",
    )
    compute.set_defaults(run=_compute)


def _compute(options: argparse.Namespace) -> int:
    # Only here: the other commands need nothing of it.
    from sagecell_tx.assembly.compute import build_agent, build_engine

    problems: list[str] = []

    def begin(reactor: Any) -> Deferred[None]:
        stopped: Deferred[None] = Deferred()
        try:
            config = ComputeConfig(**load(options.file, ComputeConfig))
            agent = build_agent(config, reactor)
            engine = build_engine(config, reactor, os.environ)
            agent.startService()
            if engine is not None:
                engine.startService()
        except (ConfigError, CannotListenError, OSError) as error:
            problems.append(str(error))
            stopped.callback(None)
            return stopped
        notifier = Notifier.from_environment()

        def up(_: None) -> None:
            settle()
            notifier.ready()
            _log.info("ready")

        def stop() -> Deferred[None]:
            notifier.stopping()
            stopping = [agent.stopService()]
            if engine is not None:
                stopping.append(engine.stopService())
            return DeferredList(stopping).addCallback(lambda _: stopped.callback(None))

        agent.launcher.when_up().addCallback(up)
        reactor.addSystemEventTrigger("before", "shutdown", stop)
        return stopped

    observer = LogWriter(write=writing_to(sys.stdout))
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    os.umask(0o077)
    allow_many_descriptors()
    try:
        react(begin, ())
    except SystemExit as end:
        if end.code:  # an error of ours, which is logged
            raise
    return failed(problems[0]) if problems else 0
