"""The fork server's host, with processes that exist in memory."""

import errno
import itertools
import os
import resource
import shutil
import tempfile
from pathlib import Path

import attrs
import pytest
from twisted.internet.defer import CancelledError
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import PATIENCE
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.bootstrap import HostBootstrap
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.forked.process import kill_group
from sagecell_tx.hosts.forked.protocol import kernel_limits
from sagecell_tx.hosts.forked.sandbox import Sandbox
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Exit, HostService, HostStatus, StartFailed
from sagecell_tx.sessions.spec import PYTHON, KernelSpec
from tests.hosts.doubles import (
    LaterThreads,
    Observed,
    ProcessReactor,
    ThisThread,
    held,
    own_message,
)

ID = "4e8f9ac5-37de-4bc2-b745-8a079927f377"


class ForkHostTests(SynchronousTestCase):
    def setUp(self):
        self.held = held()
        self.kernels = []
        self.reactor = ProcessReactor()
        self.root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.left = self.root / "k-ffffffff"
        (self.left / "work").mkdir(parents=True)
        numbers = itertools.count()
        self.host = ForkHost(
            reactor=self.reactor,
            threads=ThisThread(),
            zmq=ZmqSocketFactory(self.reactor),
            launcher=ForkLauncher(
                reactor=self.reactor,
                removers=ThisThread(),
                directories=WorkDirs(self.root, lambda: f"{next(numbers):08x}"),
                preload=("numpy",),
                spare=False,
                patience=Limits().lifetime.start_seconds,
                sandbox=Sandbox(level="auto", kernels=str(self.root)),
                try_level=self.try_level,
            ),
            limits=Limits(),
            spec=PYTHON,
            new_key=lambda: "ab" * 32,
            originate=own_message,
        )
        self.host.startService()
        self.addCleanup(self.stop)

    def try_level(self, argv):
        self.tried = argv
        return '{"sandbox": "account", "features": []}', ""

    def stop(self):
        for kernel in self.kernels:
            kernel.close()
        if self.host.running:
            stopped = self.host.stopService()
            for process in self.reactor.processes:
                if not process.ended:
                    process.end()
            self.successResultOf(stopped)
        for process in self.reactor.processes:
            process.close()
        assert [c for c in self.reactor.getDelayedCalls() if c.active()] == []
        assert held() == self.held

    @property
    def process(self):
        return self.reactor.processes[-1]

    def come_up(self):
        self.process.say(event="ready", pid=1, seconds=1.5, missing=[], features=["landlock"])

    def start(self, kernel_id=ID):
        observer = Observed(kernel_id)
        ready = self.host.start(PYTHON, observer)
        self.addCleanup(ready.addErrback, lambda _: None)
        return observer, ready

    def kernel(self, number=1):
        """The process that the fork server has forked for a start command."""
        self.kernels.append(self.process.kernel(number))
        return self.kernels[-1]

    def directories(self):
        return [path.name for path in self.root.glob("k-*")]

    def test_when_up_fires_for_each_who_asked(self):
        first, second = self.host.when_up(), self.host.when_up()
        self.assertNoResult(first)
        self.come_up()
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.host.when_up())
        assert self.host.status.sandbox == "account"
        assert self.host.status.features == ("landlock",)

    def test_its_status(self):
        service: HostService = self.host
        assert service.status == HostStatus(sandbox="account", starting=True)
        self.come_up()
        self.host.rejected["bad_signature"] += 1
        assert service.status == HostStatus(
            sandbox="account", features=("landlock",), rejected={"bad_signature": 1}
        )

    def test_what_programs_find_is_told_by_the_fork_server(self):
        languages, versions = ["python", "sage"], {"sage": "10.8"}
        told = {"environment": "sage", "languages": languages, "versions": versions}
        self.process.say(event="ready", pid=1, **told)
        assert self.host.status.environment == "sage"
        assert self.host.status.languages == ("python", "sage")
        assert self.host.status.versions == {"sage": "10.8"}
        assert not self.host.status.starting

    def test_what_the_fork_server_tells_is_bounded(self):
        many = {str(number): "v" * 1000 for number in range(1000)}
        self.process.say(event="ready", pid=1, languages=list(many.values()), versions=many)
        status = self.host.status
        assert status.languages == ("v" * 40,) * 20
        assert len(status.versions) == 20
        assert set(status.versions.values()) == {"v" * 40}
        self.process.end()
        self.reactor.advance(30)
        self.process.say(event="ready", pid=1, languages="sage", versions=["sage"])
        status = self.host.status
        assert (status.languages, status.versions) == ((), {})

    def test_why_kernels_have_no_groups_is_logged_once(self):
        with capturedLogs() as events:
            for why in ("", None, "It has none.", "It has none.", 7, "Others are in it."):
                self.process.say(event="ready", pid=1, ungrouped=why)
                self.process.end()
                self.reactor.advance(30)
        said = [event for event in events if "cgroups" in (event["log_format"] or "")]
        assert [event["why"] for event in said] == ["It has none.", "Others are in it."]
        assert {event["log_level"] for event in said} == {LogLevel.info}

    def test_what_nothing_bounds_is_logged_once(self):
        told = [[], ["pipes"], ["pipes"], 7, ["pipes", "sockets"]]
        with capturedLogs() as events:
            for kinds in told:
                self.process.say(event="ready", pid=1, unbounded=kinds)
                assert self.host.status.unbounded == (
                    tuple(kinds) if isinstance(kinds, list) else ()
                )
                self.process.end()
                self.reactor.advance(30)
        said = [event for event in events if "not bounded" in (event["log_format"] or "")]
        assert [event["kinds"] for event in said] == ["pipes", "pipes, sockets"]

    def test_a_start_says_nothing_but_a_number_and_limits(self):
        self.come_up()
        self.start()
        limits = attrs.asdict(kernel_limits(Limits()))
        line = {"op": "start", "id": 1, "limits": limits, "proxy": False}
        assert self.process.lines() == [line]
        assert not [name for name, value in limits.items() if not isinstance(value, int | float)]

    def test_a_start_ahead_says_so(self):
        self.come_up()
        self.host.start(PYTHON, Observed(), ahead=True).addErrback(lambda _: None)
        assert [line["ahead"] for line in self.process.lines()] == [True]

    def test_the_kernel_alone_is_told_its_directory_and_its_key(self):
        self.come_up()
        self.start()
        kernel = self.kernel()
        secrets = kernel.secrets()
        assert secrets == {"dir": secrets["dir"], "key": "ab" * 32}
        assert Path(secrets["dir"]).joinpath("work").is_dir()
        (directory,) = kernel.descriptors  # for the monitor
        assert os.path.samestat(os.fstat(directory), os.stat(secrets["dir"]))

    def test_no_two_have_the_same_number(self):
        self.come_up()
        for _ in range(3):
            self.start()
        assert [line["id"] for line in self.process.lines()] == [1, 2, 3]

    def test_a_start_before_the_fork_server_is_up_waits_for_it(self):
        self.start()
        assert self.process.lines() == []
        self.come_up()
        assert [line["op"] for line in self.process.lines()] == ["start"]

    def test_a_kernel_that_ends_before_it_is_up_is_a_failed_start(self):
        self.come_up()
        observer, ready = self.start()
        self.process.say(event="started", id=1, pid=4_000_001)
        self.process.say(event="exited", id=1, pid=4_000_001, status=1, signal=None)
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit(status=1)]
        assert self.directories() == []

    def test_a_kernel_that_is_bound_and_has_no_sockets_is_a_failed_start(self):
        self.come_up()
        observer, ready = self.start()
        self.process.say(event="started", id=1, pid=4_000_001)
        with capturedLogs() as events:
            self.kernel().say(b"bound")
        assert [line["op"] for line in self.process.lines()] == ["start", "stop"]
        assert [event for event in events if "no connection" in (event["log_format"] or "")]
        self.assertNoResult(ready)
        self.process.say(event="exited", id=1, pid=4_000_001, signal=9)
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit(signal=9)]
        assert self.directories() == []

    def test_a_kernel_whose_first_word_makes_no_sense_is_a_failed_start(self):
        self.come_up()
        for number, word in enumerate((b"Bound", b"bound\n", b"x" * 10_000, b"\xff"), 1):
            _, ready = self.start()
            kernel = self.kernel(number)
            with capturedLogs() as events:
                kernel.say(word)
            assert [event for event in events if "malformed" in (event["log_format"] or "")]
            assert self.process.lines()[-1] == {"op": "stop", "id": number}
            with pytest.raises(BrokenPipeError):
                kernel.bootstrap.send(b"bound")
            self.process.say(event="exited", id=number, signal=9)
            self.failureResultOf(ready, StartFailed)

    def test_a_kernel_that_says_why_it_cannot_start(self):
        self.come_up()
        for number, is_read_first in enumerate((True, False), 1):
            observer, ready = self.start()
            kernel = self.kernel(number)
            with capturedLogs() as events:
                if is_read_first:
                    kernel.say(b"failed: MemoryError")
                else:  # the end is
                    kernel.bootstrap.send(b"failed: MemoryError")
                self.process.say(event="exited", id=number, status=1)
            (line,) = (each for each in events if "could not start" in (each["log_format"] or ""))
            assert (line["kernel"], line["number"], line["why"]) == (ID, number, "MemoryError")
            failed = self.failureResultOf(ready, StartFailed)
            assert "its log says why" in str(failed.value)
            assert observer.exits == [Exit(status=1)]

    def test_a_kernel_that_ends_without_a_word_is_for_the_fork_server_to_tell(self):
        self.come_up()
        observer, ready = self.start()
        with capturedLogs() as events:
            self.process.kernel(1).close()
        assert not events
        self.assertNoResult(ready)
        self.process.say(event="exited", id=1, status=1)
        assert observer.exits == [Exit(status=1)]

    def test_descriptors_that_cannot_be_had_are_a_failed_start(self):
        self.come_up()
        self.host.launcher.removals.threads = (
            LaterThreads()
        )  # removing a directory takes descriptors, too
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Descriptors left: none, one of the pair, and both but none for the directory.
        for more in range(3):
            taken = os.open(os.devnull, os.O_RDONLY)
            os.close(taken)
            resource.setrlimit(resource.RLIMIT_NOFILE, (taken + more, hard))
            try:
                observer, ready = self.start()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            self.host.launcher.removals.threads.work()
            self.failureResultOf(ready, StartFailed)
            assert observer.exits == [Exit()]
        assert self.process.lines() == []

    def test_what_the_fork_server_says_of_limits_is_passed_on(self):
        self.come_up()
        observer, _ = self.start()
        self.process.say(event="started", id=1, pid=4_000_001)
        self.process.say(event="near", id=1, reason="cpu", seconds=60)
        self.process.say(event="near", id=1, reason=7, seconds="soon")
        assert observer.near == [("cpu", 60), ("", 0)]
        self.process.say(event="exited", id=1, status=None, signal=9, reason="memory")
        assert observer.exits == [Exit(signal=9, reason="memory")]

    def test_what_an_earlier_run_left_is_removed_behind_it(self):
        assert self.left.parent == self.root
        assert not self.left.exists()

    def test_an_end_is_told_although_the_directory_cannot_be_removed(self):
        self.come_up()
        observer, ready = self.start()
        (made,) = self.root.glob("k-*")
        outside = self.root / "outside"
        made.rename(outside)
        made.symlink_to(outside)
        with capturedLogs() as events:
            self.process.say(event="failed", id=1, message="no")
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit()]
        assert [event["why"] for event in events if "not removed" in (event["log_format"] or "")]
        assert outside.exists()

    def test_once_the_server_is_to_stop_no_tree_keeps_it(self):
        self.come_up()
        observer, ready = self.start()
        (made,) = self.root.glob("k-*")
        (made / "work" / "file").write_text("x")
        self.host.hurry()
        self.reactor.advance(PATIENCE)
        self.process.say(event="failed", id=1, message="no")
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit()]
        assert self.directories() == [made.name]  # the next start of the server removes it

    def test_it_begins_nothing_of_a_kind_that_it_does_not_have(self):
        self.come_up()
        observer = Observed(ID)
        with pytest.raises(ValueError, match="not of gap"):
            self.host.start(KernelSpec(name="gap", display_name="GAP", language="gap"), observer)
        assert observer.exits == []
        assert self.directories() == []
        assert self.process.lines() == []

    def test_a_start_that_did_not_even_fork(self):
        self.come_up()
        observer, ready = self.start()
        with capturedLogs() as events:
            self.process.say(event="failed", id=1, message="Resource temporarily unavailable")
        failed = [event for event in events if "why" in event]
        assert [(event["kernel"], event["number"], event["why"]) for event in failed] == [
            (ID, 1, "Resource temporarily unavailable")
        ]
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit()]
        assert self.directories() == []

    def test_cancelling_a_start_kills_and_clears_up(self):
        self.come_up()
        observer, ready = self.start()
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        assert self.process.lines()[-1] == {"op": "stop", "id": 1}
        assert observer.exits == []
        self.process.say(event="exited", id=1, status=None, signal=9)
        assert observer.exits == [Exit(signal=9)]
        assert self.directories() == []

    def test_cancelling_a_start_that_still_waits_for_the_fork_server(self):
        observer, ready = self.start()
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        assert observer.exits == [Exit()]
        self.come_up()
        assert self.process.lines() == []

    def test_cancelling_one_in_the_moment_when_another_of_them_cannot_be_started(self):
        _, first = self.start()
        observer, second = self.start()
        first.addErrback(lambda _: second.cancel())
        open_bootstrap = HostBootstrap.open

        def fail_once(**_):
            self.patch(HostBootstrap, "open", open_bootstrap)
            raise OSError(errno.EMFILE, "Too many open files")

        self.patch(HostBootstrap, "open", fail_once)
        self.come_up()
        self.failureResultOf(second, CancelledError)
        assert observer.exits == [Exit()]
        assert self.process.lines() == []
        assert self.directories() == []

    def test_an_end_is_told_once(self):
        self.come_up()
        observer, ready = self.start()
        ready.addErrback(lambda _: None)
        for _ in range(2):
            self.process.say(event="exited", id=1, status=0, signal=None)
        self.process.end(status=1)
        assert observer.exits == [Exit(status=0)]

    def test_a_start_that_its_fork_server_did_not_live_to_see_is_begun_anew_once(self):
        self.come_up()
        observer, ready = self.start()
        self.process.say(event="started", id=1, pid=4_000_001)
        self.process.end(status=1)
        assert observer.exits == []
        waiting, _ = self.start("another")
        self.reactor.advance(1)
        self.come_up()
        assert [line["id"] for line in self.process.lines()] == [1, 2]
        assert self.kernel(1).secrets()["key"] == "ab" * 32
        self.process.end(status=1)
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit()]
        assert waiting.exits == []

    def test_a_start_given_up_dies_with_its_fork_server(self):
        self.come_up()
        observer, ready = self.start()
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        self.process.end(status=1)
        assert observer.exits == [Exit()]
        assert self.directories() == []

    def test_what_the_fork_server_invents_is_not_believed(self):
        self.come_up()
        observer, _ = self.start()
        for line in (
            {"event": "exited", "id": 2, "status": 0},
            {"event": "exited", "id": "1"},
            {"event": "exited", "id": True},
            {"event": "exited", "id": ["list"]},
            {"event": "bound", "id": 1},
            {"event": "exited"},
            {"event": "no such event", "id": 1},
            {"event": "started", "id": 1, "pid": "not a pid"},
            {"event": None, "id": None},
        ):
            self.process.say(**line)
        assert observer.exits == []
        self.process.say(event="exited", id=1, status="zero", signal={})
        assert observer.exits == [Exit()]

    def test_no_process_group_but_a_kernels_own_is_killed(self):
        killed: list[int] = []
        self.patch(os, "killpg", lambda group, _: killed.append(group))
        for invented in (1, 0, -1, os.getpgrp()):
            kill_group(invented)
        assert killed == []
        kill_group(2**22 + 1)
        assert killed == [2**22 + 1]

    def test_stopping_closes_the_pipe_and_waits_for_the_end(self):
        self.come_up()
        stopped = self.host.stopService()
        assert self.process.stdin_closed
        self.assertNoResult(stopped)
        self.process.end()
        self.successResultOf(stopped)
        assert len(self.reactor.processes) == 1
