"""Keeps this machine's engine of ipyparallel running, as a child process under another account.

The engine registers with a controller and answers with the facts about this machine's agent; see
`hosts/parallel/engine.py`. It gets what it needs on its standard input: one line of JSON with the
connection file and the facts. So it need not be able to read either file, and when this process ends, however
that happens, its input ends and it does as well.

An engine that ends is started again. One that was told something else than is in the files now is
replaced: its controller was, or the agent.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.hosts.cluster.facts import Facts
from sagecell_tx.hosts.forked.protocol import environment
from sagecell_tx.hosts.parallel.protocol import FILE_LIMIT
from sagecell_tx.wire.messages import WireError, dump, parse_object

_log = Logger()

#: Seconds between two looks at the connection file.
LOOK = 1.0

#: An engine that lived for SOUND seconds is started again at once; others with back-off, after
#: LONGEST_WAIT seconds at most.
SOUND = 10.0
LONGEST_WAIT = 4.0

#: How long an engine may take to end, in seconds.
PATIENCE = 5.0

#: The longest line of the engine's log that is logged, in characters.
LINE = 2000

#: The program, which imports nothing from the working directory (-P).
PROGRAM = (sys.executable, "-P", "-m", "sagecell_tx.hosts.parallel.engine")


def launched_file(variables: Mapping[str, str]) -> Path | None:
    """The connection file that a launcher of ipyparallel means, by its environment variables.

    None if no launcher has started this process. A launcher for other machines copies the file there
    first. A relative path is one below the home directory, in which such a launcher starts it.
    """
    profile, cluster = variables.get("IPP_PROFILE_DIR"), variables.get("IPP_CLUSTER_ID")
    if not profile:
        return None
    name = f"ipcontroller-{cluster}" if cluster else "ipcontroller"
    return Path(profile) / "security" / f"{name}-engine.json"


@define(eq=False)
class _EngineProtocol(ProcessProtocol):
    """One run of the engine. `ended` is called once, when the process has ended."""

    first_line: bytes
    ended: Callable[[Failure], None]

    @override
    def connectionMade(self) -> None:
        """Send what the engine needs. Its input stays open for as long as it is to run."""
        assert self.transport is not None
        self.transport.write(self.first_line + b"\n")

    @override
    def outReceived(self, data: bytes) -> None:
        """Log what the engine says."""
        for line in data.decode("utf-8", "replace").splitlines():
            _log.info("engine: {line}", line=line[:LINE])

    @override
    def errReceived(self, data: bytes) -> None:
        """Log what the engine says."""
        self.outReceived(data)

    @override
    def processEnded(self, reason: Failure) -> None:
        """The process has ended."""
        self.ended(reason)

    def terminate(self) -> None:
        """Ask the process to end."""
        self._signal("TERM")

    def kill(self) -> None:
        """Kill the process."""
        self._signal("KILL")

    def _signal(self, name: str) -> None:
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess(name)


@define(eq=False)
class _EngineRun:
    """An engine that runs. `told` is the line that it was given."""

    told: bytes
    started_at: float
    protocol: _EngineProtocol = field(init=False)
    last_resort: IDelayedCall | None = None  # kills it; set once it was asked to end


@define(kw_only=True, eq=False)
class EngineSupervisor(Service):
    """Runs one engine that answers with what is in `facts_file`.

    `connection_file` is ``ipcontroller-engine.json``; neither file need be there yet. `directory` is made
    for the engine alone. `account` is its user id and group id; None: those of this process.
    """

    reactor: Any
    threads: Any
    connection_file: Path
    facts_file: Path
    directory: Path
    account: tuple[int, int] | None = None
    program: Sequence[str] = PROGRAM
    _running: _EngineRun | None = field(default=None, init=False)
    _short_lives: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _finished: Deferred[None] | None = field(default=None, init=False)
    _complaint: str = field(default="", init=False)

    @override
    def startService(self) -> None:
        """Make the engine's directory, and start it as soon as both files are there.

        Raises OSError if the directory cannot be made.
        """
        super().startService()
        if self.directory.exists():  # this process was killed before
            shutil.rmtree(self.directory)
        self.directory.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(self.directory, *self.account)
        self._look()

    @override
    def stopService(self) -> Deferred[None]:
        """End the engine, after `PATIENCE` by force; fires when it has ended."""
        super().stopService()
        if self._next is not None and self._next.active():
            self._next.cancel()
        finished: Deferred[None] = Deferred()
        self._finished = finished
        if self._running is None:
            self._finish()
        else:
            self._end(self._running)
        return finished

    def _look(self) -> None:
        """Read the files, and act on what they are now."""
        self._next = None
        reading: Deferred[bytes] = deferToThreadPool(
            self.reactor, self.threads, _first_line, self.connection_file, self.facts_file
        )
        reading.addCallbacks(self._found, self._unreadable)
        reading.addErrback(lambda failure: _log.failure("cannot start the engine", failure))
        reading.addCallback(lambda _: self._look_again())

    def _look_again(self) -> None:
        if self.running:
            self._next = self.reactor.callLater(LOOK, self._look)

    def _unreadable(self, failure: Failure) -> None:
        failure.trap(OSError, WireError)
        error = failure.value
        self._complain(
            f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        )

    def _complain(self, why: str) -> None:
        """Log `why` no engine can be started, unless that is what was logged last."""
        if why != self._complaint:
            self._complaint = why
            _log.warn("no engine can be started: {why}", why=why)

    def _found(self, line: bytes) -> None:
        if not self.running:
            return
        running = self._running
        if running is None and self.reactor.seconds() >= self._not_before:
            self._start(line)
        elif running is not None and running.told != line and running.last_resort is None:
            _log.info("there is another controller or agent: the engine is started again")
            self._end(running)

    def _start(self, line: bytes) -> None:
        running = _EngineRun(line, self.reactor.seconds())
        running.protocol = _EngineProtocol(line, lambda reason: self._ended(running, reason))
        uid, gid = self.account or (None, None)
        own = dict.fromkeys(("HOME", "IPYTHONDIR"), str(self.directory))
        try:
            self.reactor.spawnProcess(
                running.protocol,
                self.program[0],
                self.program,
                env={**environment(), **own},
                path=str(self.directory),
                uid=uid,
                gid=gid,
            )
        except OSError as error:
            self._complain(str(error.strerror))
            self._not_before = self.reactor.seconds() + LONGEST_WAIT
            return
        self._running, self._complaint = running, ""

    def _end(self, running: _EngineRun) -> None:
        """Ask the engine to end, and kill it if it does not."""
        if running.last_resort is None:
            running.protocol.terminate()
            running.last_resort = self.reactor.callLater(PATIENCE, running.protocol.kill)

    def _ended(self, running: _EngineRun, reason: Failure) -> None:
        self._running = None
        replaced = running.last_resort is not None
        if running.last_resort is not None and running.last_resort.active():
            running.last_resort.cancel()
        if self._finished is not None:
            self._finish()
            return
        wait = 0.0 if replaced else self._back_off(running)
        self._not_before = self.reactor.seconds() + wait
        if not replaced:
            _log.warn(
                "the engine ended: {why}; next start in {wait} s", why=reason.value, wait=wait
            )

    def _back_off(self, running: _EngineRun) -> float:
        """Seconds until the next start: 0 after a life of `SOUND` seconds, else doubling."""
        if self.reactor.seconds() - running.started_at >= SOUND:
            self._short_lives = 0
            return 0.0
        self._short_lives += 1
        return float(min(0.25 * 2**self._short_lives, LONGEST_WAIT))

    def _finish(self) -> None:
        finished, self._finished = self._finished, None
        try:
            shutil.rmtree(self.directory)
        except OSError as error:
            _log.warn("cannot remove {path}: {why}", path=self.directory, why=error.strerror)
        if finished is not None:
            finished.callback(None)


def _first_line(connection_file: Path, facts_file: Path) -> bytes:
    """What the engine is told. Raises OSError, and `WireError` for what are other files. Blocks."""
    connection = _read(connection_file)
    try:
        facts = Facts.parse(_read(facts_file))
    except WireError as error:
        raise WireError(error.code, f"{facts_file}: {error.message}") from error
    return dump({"connection": connection.decode("utf-8"), "facts": facts.dump().decode("ascii")})


def _read(path: Path) -> bytes:
    """The content of a JSON file. Raises OSError, and `WireError` for another file."""
    with path.open("rb") as file:
        data = file.read(FILE_LIMIT + 1)
    if len(data) > FILE_LIMIT:
        raise WireError("too_long", f"{path}: it has more than {FILE_LIMIT} bytes")
    try:
        parse_object(data)
    except WireError as error:
        raise WireError(error.code, f"{path}: {error.message}") from error
    return data
