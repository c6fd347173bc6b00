"""A kernel's process on another machine: its events may come in any order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.cluster.connections.stream import TlsStream
from sagecell_tx.hosts.cluster.process import (
    FEW,
    MOST_TROUBLES,
    MOST_WARNINGS,
    TOKENS,
    RemoteProcess,
)
from sagecell_tx.hosts.kernels.kernel import LOST
from sagecell_tx.hosts.kernels.processes import Trouble
from sagecell_tx.sessions.interfaces import LOCAL, Exit
from sagecell_tx.wire.messages import WireError
from tests.hosts.forked.test_process import Reported


@define(eq=False)
class MachineDouble:
    """A machine that records what its agent is told."""

    name: str = "blue"
    told: list[dict[str, Any]] = field(factory=list)
    opened: list[str] = field(factory=list)
    forgotten: bool = False
    expecting: bool = False
    expecting_end: bool = False
    closings: list[Callable[[], None]] = field(factory=list)

    def send_message(self, **message: Any) -> None:
        self.told.append(message)

    def open_stream(
        self, token: str, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> TlsStream:
        self.opened.append(token)
        self.closings.append(on_close)
        return TlsStream(on_data, on_close)

    def forget(self, process: RemoteProcess) -> None:
        self.forgotten = True

    def expect_end(self, process: RemoteProcess) -> None:
        self.expecting_end = True

    def expect_removal(self, process: RemoteProcess) -> None:
        self.expecting = True

    def could_not_start(self, process: RemoteProcess, spec: str) -> None:
        self.told.append({"failed": spec})


class Bench:
    """A process, whose placer has `machines` left; without one, it waits."""

    def __init__(self, *machines: MachineDouble) -> None:
        self.machines = list(machines)
        self.placed = self.withdrawn = 0
        count = iter(range(1000))
        self.observer = Reported()
        self.process = RemoteProcess(
            number=7,
            start={"key": "k"},
            spec="",
            placer=self,
            new_token=lambda: f"{next(count)}",
        )
        self.process.begin(self.observer)

    def place(self, process: RemoteProcess) -> None:
        self.placed += 1
        if self.machines:
            process.start_on(self.machines.pop(0))

    def withdraw(self, process: RemoteProcess) -> None:
        self.withdrawn += 1

    @property
    def told(self) -> list[Any]:
        return self.observer.told


def test_its_machine_has_a_name():
    assert Bench().process.machine_name == LOCAL
    assert Bench(MachineDouble()).process.machine_name == "blue"


def test_tokens_are_used_once_and_never_run_out():
    machine = MachineDouble()
    bench = Bench(machine)
    for _ in range(50):
        bench.process.stream(1, lambda _: None, lambda: None)
    assert len(set(machine.opened)) == 50
    sent = [token for message in machine.told for token in message["tokens"]]
    assert machine.opened == sent[:50]
    assert len(sent) - 50 >= FEW
    assert {len(message["tokens"]) for message in machine.told} == {TOKENS}


def test_no_stream_without_a_machine():
    with pytest.raises(ConnectionError):
        Bench().process.stream(1, lambda _: None, lambda: None)


def test_troubles_are_passed_on():
    bench = Bench(MachineDouble())
    bench.process.received({"event": "trouble", "trouble": "network", "why": "x" * 10_000})
    ((trouble, why),) = bench.told
    assert (trouble, len(why)) == (Trouble.NETWORK, 4000)


def test_hostile_events():
    for message in (
        {"event": None},
        {"event": "nonsense"},
        {"event": "removed"},
        {"event": "trouble", "trouble": "nonsense"},
        {"event": "near", "reason": "cpu", "seconds": "soon"},
        {"event": "near", "reason": None, "seconds": 1},
        {"event": "ended", "status": "0"},
    ):
        with pytest.raises(WireError):
            Bench(MachineDouble()).process.received(message)


def test_each_process_has_few_troubles_and_warnings():
    for event, most in (
        ({"event": "trouble", "trouble": "start", "why": "x"}, MOST_TROUBLES),
        ({"event": "near", "reason": "cpu", "seconds": 1}, MOST_WARNINGS),
    ):
        bench = Bench(MachineDouble())
        for _ in range(most):
            bench.process.received(event)
        with pytest.raises(WireError, match="too"):
            bench.process.received(event)
        assert len(bench.told) == most


def test_an_overdue_one_is_lost_once_and_its_machine_may_still_report_its_end():
    machine = MachineDouble()
    bench = Bench(machine)
    bench.process.kill()
    assert machine.expecting
    removed = bench.process.remove()
    bench.process.overdue()
    assert bench.told == [Exit(reason=LOST)]
    assert removed.called
    bench.process.received({"event": "ended", "status": 0, "signal": None, "reason": None})
    bench.process.received({"event": "removed"})
    assert machine.forgotten
    assert bench.told == [Exit(reason=LOST)]


def test_the_end_of_a_connection_foretells_that_of_the_kernel_unless_another_can_replace_it():
    for port, foretells in ((1, True), (2, True), (3, False), (4, False), (5, False)):
        machine = MachineDouble()
        closed: list[int] = []
        Bench(machine).process.stream(port, lambda _: None, partial(closed.append, port))
        machine.closings[0]()
        assert (machine.expecting_end, closed) == (foretells, [port])


def test_one_that_is_cut_off_is_lost_once():
    machine = MachineDouble()
    bench = Bench(machine)
    bench.process.received({"event": "bound"})
    for _ in range(2):
        bench.process.cut_off()
    assert [each["op"] for each in machine.told if "op" in each][-1] == "kill"
    assert machine.expecting
    bench.process.received({"event": "ended", "status": 0, "signal": None, "reason": None})
    bench.process.received({"event": "removed"})
    assert machine.forgotten
    assert bench.told == ["bound", Exit(reason=LOST)]


def test_a_killed_one_is_not_placed_again():
    bench = Bench(MachineDouble())
    bench.process.kill()
    bench.process.received({"event": "full"})
    assert bench.placed == 1
    assert bench.told == [Exit()]


def test_a_machine_that_refuses_one_could_not_start_it():
    for event, failed in (("refused", True), ("full", False)):
        machine, other = MachineDouble(), MachineDouble("green")
        bench = Bench(machine, other)
        bench.process.received({"event": event, "why": "no directory can be made"})
        assert ({"failed": ""} in machine.told) is failed
        assert [each["op"] for each in other.told] == ["start"]


def test_one_that_was_bound_is_not_started_again():
    bench = Bench(MachineDouble(), MachineDouble("green"))
    bench.process.received({"event": "bound"})
    with pytest.raises(WireError):
        bench.process.received({"event": "full"})
    bench.process.lost()
    assert bench.told == ["bound", Exit(reason=LOST)]


EVENTS = st.sampled_from(
    [
        {"event": "bound"},
        {"event": "failed"},
        {"event": "trouble", "trouble": "start", "why": ""},
        {"event": "ended", "status": 0},
        {"event": "removed"},
        {"event": "full"},
        {"event": "refused", "why": ""},
        "kill",
        "lost",
        "cut off",
    ]
)


@given(st.lists(EVENTS, max_size=12))
def test_an_end_is_told_once_and_last_and_the_removal_follows(events: list[Any]):
    bench = Bench(MachineDouble("a"), MachineDouble("b"))
    removed: list[object] = []
    bench.process.remove().addCallback(removed.append)
    for event in events:
        try:
            if event == "kill":
                bench.process.kill()
            elif event == "cut off":
                if bench.process.machine is not None:
                    bench.process.cut_off()
            elif event == "lost":
                if bench.process.machine is not None:
                    bench.process.lost()
            elif bench.process.machine is not None:
                bench.process.received(event)
        except WireError:
            if bench.process.machine is not None:
                bench.process.lost()  # the line is closed
    while bench.process.machine is not None:
        bench.process.lost()
    bench.process.kill()
    ends = [each for each in bench.told if isinstance(each, Exit)]
    assert len(ends) == 1
    assert isinstance(bench.told[-1], Exit)
    assert removed
