"""One process that has imported everything once, and forks a kernel in milliseconds.

Commands come as JSON lines on descriptor 0, events leave as JSON lines on descriptor 1, and
stderr is the log::

    -> {"op": "start", "id": ..., "dir": ..., "key": ..., "limits": {...},
        "proxy": false}
    -> {"op": "signal", "id": ..., "signal": "INT"}
    -> {"op": "stop", "id": ...}
    -> {"op": "ping"}
    <- {"event": "pong"}
    <- {"event": "ready", "pid": ..., "seconds": ..., "preloaded": [...], "missing": [...],
        "sandbox": "none", "features": [...], "ungrouped": ...}
    <- {"event": "unavailable", "message": ...}
    <- {"event": "started", "id": ..., "pid": ...}
    <- {"event": "bound", "id": ...}
    <- {"event": "near", "id": ..., "reason": "cpu", "seconds": ...}
    <- {"event": "exited", "id": ..., "pid": ..., "status": ..., "signal": ..., "reason": ...}
    <- {"event": "failed", "id": ..., "message": ...}
    <- {"event": "refused", "message": ...}

One thread, no Twisted. At the end of the commands, or at SIGTERM, every kernel is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from attrs import define, field

from sagecell_tx.kernelside import (
    arguments,
    births,
    cgroups,
    delegation,
    memory,
    preload,
    processes,
)
from sagecell_tx.kernelside.births import Born
from sagecell_tx.kernelside.pipes import BadLine, ControlPipes
from sagecell_tx.kernelside.reaping import Reaper
from sagecell_tx.kernelside.sandbox import choice
from sagecell_tx.kernelside.sandbox.levels import Level, Unavailable
from sagecell_tx.kernelside.start import Start
from sagecell_tx.kernelside.watch import Excess, Near, Watch


@define(eq=False)
class ForkServer:
    """The loop that forks, watches and reaps.

    `wakeup` is the readable end of the pipe that each signal writes its number to.
    """

    pipes: ControlPipes
    wakeup: int
    level: Level
    groups: cgroups.Groups
    _reaper: Reaper = field(init=False)
    _watch: Watch = field(init=False, factory=Watch)
    _selector: selectors.BaseSelector = field(init=False, factory=selectors.PollSelector)
    _ended: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._reaper = Reaper(self.groups.kill)

    def run(self) -> Born | None:
        """Serve until nobody commands any more; then no kernel is left, and it is None.

        In a forked process it returns what that is to become.
        """
        self._selector.register(self.pipes.commands, selectors.EVENT_READ, self._take_commands)
        self._selector.register(self.wakeup, selectors.EVENT_READ, self._take_signals)
        try:
            while not self._ended:
                self._await_writing()
                ready = [key for key, _ in self._selector.select(self._watch.wait())]
                for finding in self._watch.look():
                    self._heed(finding)
                # What a kernel reported before it ended is told before its end.
                for key in sorted(ready, key=lambda key: key.fd == self.wakeup):
                    born: Born | None = key.data()
                    if born is not None:
                        return born
        except BrokenPipeError:
            pass  # nobody listens: the same as nobody commanding
        self._reaper.end_all()
        self.groups.close()
        return None

    def _await_writing(self) -> None:
        """Watch the pipe of events exactly while events wait."""
        watched = self.pipes.events in self._selector.get_map()
        if self.pipes.backlogged and not watched:
            self._selector.register(self.pipes.events, selectors.EVENT_WRITE, self.pipes.write)
        elif watched and not self.pipes.backlogged:
            self._selector.unregister(self.pipes.events)

    # --- commands

    def _take_commands(self) -> Born | None:
        commands = self.pipes.read()
        if commands is None:
            self._ended = True
            return None
        for command in commands:
            if isinstance(command, BadLine):
                self.pipes.tell(event="refused", message=str(command))
                continue
            born = self._obey(command)
            if born is not None:
                return born
        return None

    def _obey(self, command: dict[str, Any]) -> Born | None:
        op, kernel_id = command.get("op"), command.get("id")
        if op == "ping":
            self.pipes.tell(event="pong")
        elif not isinstance(kernel_id, str) or not 0 < len(kernel_id) <= 64:
            self.pipes.tell(event="refused", message="A command names a kernel by its id.")
        elif op == "start":
            return self._start(kernel_id, command)
        elif op == "stop":
            # Unknown ids are no mistake: the kernel may have ended on its own just now.
            self._reaper.signal(kernel_id, signal.SIGKILL)
        elif op == "signal" and f"SIG{command.get('signal')}" in signal.Signals.__members__:
            self._reaper.signal(kernel_id, signal.Signals[f"SIG{command['signal']}"])
        else:
            self.pipes.tell(event="refused", message=f"Unknown command: {command!r:.200}")
        return None

    def _start(self, kernel_id: str, command: dict[str, Any]) -> Born | None:
        if kernel_id in self._reaper:
            self.pipes.tell(event="refused", message=f"There is a kernel {kernel_id} already.")
            return None
        try:
            start = Start.parse(command)
            report, told = os.pipe()
        except (ValueError, OSError) as error:
            self.pipes.tell(event="failed", id=kernel_id, message=str(error))
            return None
        try:
            born = births.fork(self.level, self.groups, start, told)
        except OSError as error:
            self._give_back(kernel_id)
            os.close(report)
            os.close(told)
            self.pipes.tell(event="failed", id=kernel_id, message=f"Cannot fork: {error.strerror}")
            return None
        if isinstance(born, Born):
            return born
        os.close(told)
        self._reaper.add(kernel_id, born)
        self._watch.add(kernel_id, born, start)
        self.pipes.tell(event="started", id=kernel_id, pid=born)
        self._selector.register(
            report, selectors.EVENT_READ, lambda: self._take_report(report, kernel_id)
        )
        return None

    def _take_report(self, report: int, kernel_id: str) -> None:
        bound = os.read(report, 1)
        self._selector.unregister(report)
        os.close(report)
        if bound:
            self.pipes.tell(event="bound", id=kernel_id)

    def _heed(self, finding: Excess | Near) -> None:
        """End a kernel that has taken more than it may; tell of one that soon will have."""
        if isinstance(finding, Excess):
            self._reaper.condemn(finding.kernel_id, finding.reason)
        else:
            self.pipes.tell(
                event="near", id=finding.kernel_id, reason="cpu", seconds=finding.seconds
            )

    # --- signals

    def _take_signals(self) -> None:
        if signal.SIGTERM in os.read(self.wakeup, 4096):
            self._ended = True
        for exited in self._reaper.reap():
            self._watch.forget(exited.kernel_id)
            ran_out = self._give_back(exited.kernel_id) and exited.signal == signal.SIGKILL
            self.pipes.tell(
                event="exited",
                id=exited.kernel_id,
                pid=exited.pid,
                status=exited.status,
                signal=exited.signal,
                reason=exited.reason or ("memory" if ran_out else None),
            )

    def _give_back(self, kernel_id: str) -> bool:
        """What a kernel had is free again. Whether it had run out of memory."""
        self.level.ended(kernel_id)
        return self.groups.release(kernel_id)


def main(
    argv: Sequence[str] | None = None,
    find_groups: Callable[[], tuple[cgroups.Groups, str]] = delegation.groups,
) -> int:
    """Run a fork server; in a forked process, a kernel. Returns the exit status."""
    options = arguments.parse(argv)
    started = time.monotonic()
    pipes = ControlPipes.from_standard_streams()
    # Not SIGKILL: what the kernels have started has to be killed first.
    processes.die_with(os.getppid(), signal.SIGTERM)
    processes.adopt_orphans()
    wakeup = births.hear_signals()

    memory.share_one_heap()
    preload.prepare_environment()
    loaded = preload.load(options.preload)
    # Not at the top: ipykernel must find the streams, the environment and its modules prepared.
    from sagecell_tx.kernelside import kernel, startup, warming

    parts = kernel.build()
    warming.warm(parts)
    preload.end_threads()
    level = choice.make(options.sandbox, options.setting, options.visible)
    # Before the level takes them out of sight.
    groups, ungrouped = find_groups()
    try:
        level.prepare()
    except Unavailable as error:
        pipes.tell(event="unavailable", message=str(error))
        return 1
    pipes.tell(
        event="ready",
        pid=os.getpid(),
        seconds=round(time.monotonic() - started, 3),
        preloaded=loaded.names,
        missing=loaded.missing,
        sandbox=level.name,
        features=[*level.features, *groups.features],
        ungrouped=ungrouped,
    )
    server = ForkServer(pipes, wakeup, level, groups)
    _filling = memory.settle()
    born = server.run()
    if born is None:
        with suppress(OSError):
            pipes.write()
        return 0
    startup.become(born.start, parts, level, report=born.report)


if __name__ == "__main__":
    sys.exit(main())
