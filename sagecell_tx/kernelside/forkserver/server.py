"""A process that has imported everything once, and forks a kernel in milliseconds.

Commands come as JSON on descriptor 0, a UNIX socket that preserves message boundaries; events
leave as JSON lines on descriptor 1; stderr is the log::

    -> {"op": "start", "id": ..., "limits": {...}, "proxy": false}
       with a socket, and the kernel's directory, as SCM_RIGHTS
    -> {"op": "up", "id": ...}
    -> {"op": "signal", "id": ..., "signal": "INT"}
    -> {"op": "stop", "id": ...}
    -> {"op": "ping"}
    <- {"event": "pong"}
    <- {"event": "ready", "pid": ..., "seconds": ..., "preloaded": [...], "missing": [...],
        "environment": "python", "languages": [...], "versions": {...}, "memory": ...,
        "sandbox": "none", "features": [...], "ungrouped": ..., "unbounded": [...]}
    <- {"event": "unavailable", "message": ...}
    <- {"event": "started", "id": ..., "pid": ...}
    <- {"event": "near", "id": ..., "reason": "cpu", "seconds": ...}
    <- {"event": "exited", "id": ..., "pid": ..., "status": ..., "signal": ..., "reason": ...}
    <- {"event": "failed", "id": ..., "message": ...}
    <- {"event": "refused", "message": ...}

An id is a number that does not say whose kernel it is: each kernel that is forked can find in its
own memory whatever this process has ever had in its. See `bootstrap`.

One thread, no Twisted. When the command socket is closed, or at SIGTERM, every kernel is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from attrs import define, field

from sagecell_tx.kernelside import preload
from sagecell_tx.kernelside.bootstrap import KernelBootstrap
from sagecell_tx.kernelside.environment import Environment
from sagecell_tx.kernelside.forkserver import cgroups, delegation, environments, forking
from sagecell_tx.kernelside.forkserver.forking import ForkedProcess, Lifeline
from sagecell_tx.kernelside.forkserver.pipes import BadLine, Command, ControlPipes
from sagecell_tx.kernelside.forkserver.reaper import Reaper
from sagecell_tx.kernelside.monitor import memoryuse
from sagecell_tx.kernelside.monitor.monitor import Monitor, MonitorEnded, Pong
from sagecell_tx.kernelside.monitor.usage import Excess, Finding, Orphans
from sagecell_tx.kernelside.sandbox import arguments, detect
from sagecell_tx.kernelside.sandbox.levels import Level, Unavailable
from sagecell_tx.kernelside.startcommand import StartCommand
from sagecell_tx.kernelside.system import autogroups, memory, processes


@define(eq=False)
class ForkServer:
    """The loop that forks and reaps kernels, and ends those that the monitor reports.

    `wakeup` is the read end of the pipe that each signal writes its number to. `become` is called in each
    forked process, and makes a kernel of it.
    """

    pipes: ControlPipes
    wakeup: int
    level: Level
    groups: cgroups.Groups
    monitor: Monitor
    environment: Environment
    become: Callable[[ForkedProcess], object]
    _lifeline: Lifeline = field(init=False, factory=Lifeline.make)
    _reaper: Reaper = field(init=False)
    _selector: selectors.BaseSelector = field(init=False, factory=selectors.PollSelector)
    _ended: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._reaper = Reaper(self.groups.kill, own=(self.monitor.pid, *self.environment.helpers))

    def run(self) -> None:
        """Serve until the commands end; returns when no kernel is left."""
        self._selector.register(self.pipes.commands, selectors.EVENT_READ, self._take_commands)
        self._selector.register(self.wakeup, selectors.EVENT_READ, self._take_signals)
        channel = self.monitor.channel
        self._selector.register(channel, selectors.EVENT_READ, self._take_findings)
        try:
            while not self._ended:
                self._await_writing()
                ready = [key for key, _ in self._selector.select()]
                for key in ready:
                    key.data()
        except BrokenPipeError:
            pass  # nobody reads the events: the web process is gone
        except MonitorEnded:
            print("the monitor process has ended: all kernels are killed", file=sys.stderr)
        self.monitor.close()
        self.environment.close()
        self._reaper.end_all()
        self.groups.close()

    def _await_writing(self) -> None:
        """Select for writing exactly while events, or messages to the monitor, wait."""
        watched = self.pipes.events in self._selector.get_map()
        if self.pipes.backlogged and not watched:
            self._selector.register(self.pipes.events, selectors.EVENT_WRITE, self.pipes.write)
        elif watched and not self.pipes.backlogged:
            self._selector.unregister(self.pipes.events)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.monitor.backlogged else 0)
        if self._selector.get_key(self.monitor.channel).events != events:
            self._selector.modify(self.monitor.channel, events, self._take_findings)

    # --- commands

    def _take_commands(self) -> None:
        try:
            command = self.pipes.read()
        except EOFError:
            self._ended = True
            return
        except BadLine as error:
            self.pipes.send_event(event="refused", message=str(error))
            return
        if command is None:
            return
        try:
            self._execute(command)
        finally:
            command.close()

    def _execute(self, command: Command) -> None:
        line = command.line
        op, kernel_id = line.get("op"), line.get("id")
        if op == "ping":
            self.monitor.ping()
        elif type(kernel_id) is not int or not 0 < kernel_id < 2**53:
            self.pipes.send_event(
                event="refused", message="The id of a command must be a positive integer."
            )
        elif op == "start":
            self._start(kernel_id, command)
        elif op == "up":
            # Until now it had the server's share of the processors, since a client waits for it.
            if (pid := self._reaper.pid(kernel_id)) is not None:
                autogroups.give_nice(pid)
        elif op == "stop":
            # An unknown id is not an error: the kernel may just have ended.
            self._reaper.signal(kernel_id, signal.SIGKILL)
        elif op == "signal" and f"SIG{line.get('signal')}" in signal.Signals.__members__:
            self._reaper.signal(kernel_id, signal.Signals[f"SIG{line['signal']}"])
        else:
            self.pipes.send_event(event="refused", message=f"Unknown command: {line!r:.200}")

    def _start(self, kernel_id: int, command: Command) -> None:
        if kernel_id in self._reaper:
            self.pipes.send_event(event="refused", message=f"Kernel {kernel_id} exists already.")
            return
        try:
            start = StartCommand.parse(command.line)
            bootstrap = KernelBootstrap.take(command.take_descriptor())
        except ValueError as error:
            self.pipes.send_event(event="failed", id=kernel_id, message=str(error))
            return
        directory = command.take_descriptor()  # before the fork, which closes it in the child
        forked = ForkedProcess(start, bootstrap, self._lifeline)
        try:
            pid = forking.fork(self.level, self.groups, forked, directory, self.become)
        except OSError as error:
            bootstrap.close()
            if directory is not None:
                os.close(directory)
            self._give_back(kernel_id)
            self.pipes.send_event(
                event="failed", id=kernel_id, message=f"Cannot fork: {error.strerror}"
            )
            return
        bootstrap.close()
        if directory is not None and self.level.bounds_files:
            os.close(directory)
            directory = None
        self._reaper.add(kernel_id, pid)
        try:
            self.monitor.add(kernel_id, pid, start, directory, self.groups.usage(kernel_id))
        except OSError as error:
            print(f"a kernel cannot be monitored and is killed: {error.strerror}", file=sys.stderr)
            self._reaper.signal(kernel_id, signal.SIGKILL)
        self.pipes.send_event(event="started", id=kernel_id, pid=pid)

    def _take_findings(self) -> None:
        self.monitor.write()
        for finding in self.monitor.findings():
            self._handle_finding(finding)

    def _handle_finding(self, finding: Finding | Pong) -> None:
        """Kill a kernel that has exceeded a limit, and processes without one; report one near its limit.

        A ping is answered only through the monitor, so that a fork server whose monitor hangs is
        replaced.
        """
        if isinstance(finding, Pong):
            self.pipes.send_event(event="pong")
        elif isinstance(finding, Excess):
            self._reaper.condemn(finding.kernel, finding.reason)
        elif isinstance(finding, Orphans):
            self._reaper.kill_orphans()
        else:
            self.pipes.send_event(
                event="near", id=finding.kernel, reason="cpu", seconds=finding.seconds
            )

    # --- signals

    def _take_signals(self) -> None:
        if signal.SIGTERM in os.read(self.wakeup, 4096):
            self._ended = True
        for exited in self._reaper.reap():
            self.monitor.forget(exited.kernel_id)
            ran_out = self._give_back(exited.kernel_id) and exited.signal == signal.SIGKILL
            self.pipes.send_event(
                event="exited",
                id=exited.kernel_id,
                pid=exited.pid,
                status=exited.status,
                signal=exited.signal,
                reason=exited.reason or ("memory" if ran_out else None),
            )

    def _give_back(self, kernel_id: int) -> bool:
        """Release what a kernel had; returns whether its group ran out of memory."""
        self.level.ended(kernel_id)
        return self.groups.release(kernel_id)


def main(
    argv: Sequence[str] | None = None,
    find_groups: Callable[[Collection[int]], tuple[cgroups.Groups, str]] = delegation.groups,
) -> int:
    """Run a fork server; returns its exit status."""
    options = arguments.parse(argv)
    started = time.monotonic()
    pipes = ControlPipes.from_standard_streams()
    # While it loads it looks at no signals, and has no kernels.
    web_process = os.getppid()
    processes.die_with(web_process)
    processes.adopt_orphans()
    wakeup = forking.signal_descriptor()

    memory.share_one_heap()
    environment = environments.of_this_python()
    environment.before_import()
    loaded = environment.load(options.preload)
    # Not at the top: ipykernel needs the streams, the environment and its modules prepared.
    from sagecell_tx.kernelside.forkserver import startup
    from sagecell_tx.kernelside.kernel import kernel, warmup

    parts = kernel.build(
        shell_class=environment.shell_class, names=environment.names, sigint=environment.sigint
    )
    if options.picture_files:
        parts.kernel.make_picture_files()
    warmup.warm(parts, environment.warm_cells(), environment.warm_completions())
    environment.settle()
    # Not SIGKILL: the kernels' processes have to be killed first.
    processes.die_with(web_process, signal.SIGTERM)
    forking.handle_signals()
    preload.end_threads()
    shown = [*options.visible, *environment.directories]
    level = detect.make(options.sandbox, options.setting, shown)
    # Before the level hides their directory.
    groups, ungrouped = find_groups(environment.helpers)
    try:
        level.prepare()
    except Unavailable as error:
        pipes.send_event(event="unavailable", message=str(error))
        environment.close()
        return 1
    pipes.send_event(
        event="ready",
        pid=os.getpid(),
        seconds=round(time.monotonic() - started, 3),
        preloaded=loaded.names,
        missing=loaded.missing,
        environment=environment.name,
        languages=list(environment.languages()),
        versions=dict(environment.versions),
        memory=memory.resident(),
        sandbox=level.name,
        features=[*level.features, *groups.features],
        ungrouped=ungrouped,
        unbounded=[] if groups.features else [*level.unbounded, *memoryuse.unseen()],
    )
    _filling = memory.settle()

    def become(forked: ForkedProcess) -> None:
        startup.become(forked, parts, level, environment)

    monitor = Monitor.fork(environment.helpers)
    ForkServer(pipes, wakeup, level, groups, monitor, environment, become).run()
    with suppress(OSError):
        pipes.write()
    return 0
