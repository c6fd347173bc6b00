"""What a hub says of machines, in memory."""

from __future__ import annotations

import itertools

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from sagecell_tx.hosts.cluster.facts import Facts, Machines
from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.hub import ABSENCE, BEAT, LONGEST_WAIT, OFTEN, RENEWAL, SILENCE, Hub
from sagecell_tx.sessions.originator import Originator
from tests.hosts.parallel.controllers import Controllers, facts


@define(eq=False)
class Observed:
    """What an observer of machines is told."""

    machines: dict[str, Facts] = field(factory=dict)
    left: list[str] = field(factory=list)

    def machine_joined(self, facts: Facts) -> None:
        self.machines[facts.name] = facts

    def machine_left(self, name: str) -> None:
        self.left.append(name)
        del self.machines[name]


class Told:
    """A hub's client, the controllers that it finds, and the machines that it makes known."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.controllers = Controllers()
        self.machines = Machines()
        self.observed = Observed()
        self.machines.observe(self.observed)
        ids = map(str, itertools.count())
        self.hub = Hub(
            clock=self.clock,
            read=self.controllers.read,
            connect=self.controllers.connect,
            originate=Originator(new_id=lambda: f"id-{next(ids)}", now=lambda: "").originate,
            machines=self.machines,
            pinned={"pinned"},
        )

    @property
    def names(self) -> list[str]:
        return sorted(self.observed.machines)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / BEAT) + 1):
            self.clock.advance(BEAT)


@pytest.fixture
def told():
    made = Told()
    yield made
    if made.hub.running:
        made.hub.stopService()
    assert not made.clock.getDelayedCalls()


def test_engines_that_are_there_tell_their_facts(told):
    controller = told.controllers.start()
    controller.engines = {"e1": facts("m1"), "e2": facts("m2")}
    told.hub.startService()
    assert told.names == ["m1", "m2"]
    assert told.hub.is_connected
    assert told.observed.machines["m1"].host == "192.0.2.1"


def test_an_engine_that_registers_tells_its_facts(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.register("e1", facts("m1"))
    assert told.names == ["m1"]


def test_an_engine_without_a_notification_is_found(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.engines["e1"] = facts("m1")
    told.clock.advance(BEAT)
    assert told.names == ["m1"]


def test_facts_are_asked_for_once(told):
    controller = told.controllers.start()
    controller.engines = {"e1": facts("m1")}
    told.hub.startService()
    told.pass_time(100)
    controller.register("e1", facts("m1"))
    assert controller.asked == ["e1"]


def test_an_engine_of_another_program_is_asked_less_and_less(told):
    controller = told.controllers.start()
    controller.engines = {"e1": None}
    told.hub.startService()
    told.pass_time(10 * LONGEST_WAIT)
    assert told.names == []
    assert 10 <= len(controller.asked) <= 20


def test_a_socket_for_requests_that_was_cut_is_replaced(told):
    controller = told.controllers.start()
    controller.engines = {"foreign": None}
    told.hub.startService()
    controller.open[0].cut = True
    controller.engines["e1"] = facts("m1")
    with capturedLogs() as log:
        told.pass_time(RENEWAL + LONGEST_WAIT)
    assert told.names == ["m1"]
    assert len(controller.open) == 1
    assert [each["log_format"] for each in log] == ["{name}: an engine told its facts"]
    # An engine of another program is still asked once a minute, and the sockets are replaced as often.
    asked, connections = controller.asked.count("foreign"), len(controller.connections)
    told.pass_time(10 * LONGEST_WAIT)
    assert controller.asked.count("foreign") - asked <= 12
    assert len(controller.connections) - connections <= 10


def test_an_engine_that_is_slow_to_answer(told):
    controller = told.controllers.start()
    controller.engines = {"e1": None}
    told.hub.startService()
    controller.engines = {"e1": facts("m1")}
    told.pass_time(5)
    assert told.names == ["m1"]
    assert controller.asked == ["e1", "e1"]


def test_an_engine_that_tells_nonsense_is_not_asked_again(told):
    controller = told.controllers.start()
    controller.engines = {"e1": facts("m1", port="7001")}
    with capturedLogs() as log:
        told.hub.startService()
    assert "invalid port" in str(log)
    told.pass_time(2 * LONGEST_WAIT)
    assert (told.names, controller.asked) == ([], ["e1"])


def test_an_engine_that_ends_and_is_started_again_is_not_noticed(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.register("e1", facts("m1"))
    controller.unregister("e1")
    told.pass_time(ABSENCE - 5)
    controller.register("e2", facts("m1"))
    told.pass_time(2 * ABSENCE)
    assert told.names == ["m1"]
    assert told.observed.left == []


def test_an_engine_that_stays_away_takes_its_machine_along(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.register("e1", facts("m1"))
    controller.register("e2", facts("m2"))
    controller.unregister("e1")
    told.pass_time(ABSENCE - 5)
    assert told.names == ["m1", "m2"]
    told.pass_time(10)
    assert told.names == ["m2"]


def test_an_engine_that_vanishes_without_a_notification_takes_its_machine_along(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.register("e1", facts("m1"))
    controller.engines.clear()
    told.pass_time(ABSENCE + 5)
    assert told.names == []


def test_an_agent_that_was_started_again_has_other_facts(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.register("e1", facts("m1", port=7001))
    controller.register("e2", facts("m1", port=7002))  # the first is still believed to be there
    assert told.observed.machines["m1"].port == 7002
    controller.unregister("e1")
    told.pass_time(2 * ABSENCE)
    assert told.names == ["m1"]


def test_two_machines_of_one_name(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.register("e1", facts("m1", port=7001))
    controller.register("e2", facts("m1", port=7002))
    controller.unregister("e2")
    told.pass_time(ABSENCE + 5)
    assert told.observed.machines["m1"].port == 7001


def test_machines_of_the_settings_cannot_be_changed_or_removed(told):
    ours = Facts(**facts("pinned", port=7009))
    told.machines.joined(ours)
    controller = told.controllers.start()
    told.hub.startService()
    controller.register("e1", facts("pinned", port=7001))
    assert told.observed.machines["pinned"] == ours
    controller.unregister("e1")
    told.pass_time(2 * ABSENCE)
    assert told.observed.machines["pinned"] == ours


# --- the controller's death


def test_a_controller_that_dies_takes_no_machine_along(told):
    controller = told.controllers.start()
    controller.engines = {"e1": facts("m1")}
    told.hub.startService()
    controller.alive = False
    told.pass_time(10 * ABSENCE)
    assert told.names == ["m1"]
    assert not told.hub.is_connected
    assert len(controller.open) <= 1


def test_another_controller_is_found_by_its_file(told):
    first = told.controllers.start("one key")
    first.engines = {"e1": facts("m1")}
    told.hub.startService()
    first.alive = False
    told.pass_time(100)
    second = told.controllers.start("another key")
    told.pass_time(SILENCE + BEAT)
    assert told.hub.is_connected
    assert not first.open
    second.register("e2", facts("m1"))
    second.register("e3", facts("m2"))
    told.pass_time(2 * ABSENCE)
    assert told.names == ["m1", "m2"]
    assert told.observed.left == []


def test_engines_have_their_whole_time_to_come_back_to_another_controller(told):
    first = told.controllers.start()
    first.engines = {"e1": facts("m1")}
    told.hub.startService()
    first.unregister("e1")
    told.pass_time(ABSENCE - 5)
    first.alive = False
    told.pass_time(100)
    second = told.controllers.start()
    told.pass_time(ABSENCE - 5)
    assert told.names == ["m1"]
    second.register("e2", facts("m1"))
    told.pass_time(2 * ABSENCE)
    assert told.names == ["m1"]


def test_engines_that_do_not_come_back_to_another_controller_are_gone(told):
    first = told.controllers.start()
    first.engines = {"e1": facts("m1")}
    told.hub.startService()
    first.alive = False
    told.controllers.start()
    told.pass_time(ABSENCE + 10)
    assert told.names == []


def test_a_controller_that_is_started_later(told):
    with capturedLogs() as log:
        told.hub.startService()
        told.pass_time(60)
    assert len(log) == 1, "said once"
    assert "cannot be read" in str(log)
    controller = told.controllers.start()
    controller.engines = {"e1": facts("m1")}
    told.pass_time(BEAT)
    assert told.names == ["m1"]


def test_a_file_that_cannot_be_used_is_said_once(told):
    told.controllers.content = b"{}"
    with capturedLogs() as log:
        told.hub.startService()
        told.pass_time(60)
    assert len(log) == 1
    assert "only messages in JSON" in str(log)
    told.controllers.content = None
    told.controllers.start()
    told.pass_time(BEAT)
    assert told.hub.is_connected


def test_a_hub_with_another_key_is_not_believed(told):
    controller = told.controllers.start()
    told.hub.startService()
    controller.say(
        protocol.NOTIFICATION, protocol.REGISTERED, {"uuid": "e1"}, key="of somebody else"
    )
    assert controller.asked == []


def test_messages_that_are_dropped_fill_no_log(told):
    controller = told.controllers.start()
    told.hub.startService()
    with capturedLogs() as log:
        for _ in range(100):
            controller.say(protocol.MUX, protocol.FACTS_REPLY, {}, "e1", key="of somebody else")
        told.pass_time(OFTEN)
        controller.say(protocol.MUX, protocol.FACTS_REPLY, {}, "e1", key="of somebody else")
    assert [each["count"] for each in log if "dropped" in each["log_format"]] == [1, 101]


@pytest.mark.parametrize("wrong", [{"status": "error"}, {"status": "ok", "engines": [1]}])
def test_a_hub_that_replies_nonsense_is_connected_to_anew(told, wrong):
    controller = told.controllers.start()
    controller.engines = {"e1": facts("m1")}
    controller.wrong = wrong
    told.hub.startService()
    told.pass_time(10)
    assert not told.hub.is_connected
    controller.wrong = None
    told.pass_time(SILENCE + BEAT)
    assert told.names == ["m1"]
    assert len(controller.open) == 1


def test_an_answer_that_was_not_asked_for_is_dropped(told):
    controller = told.controllers.start()
    controller.engines = {"e1": None}
    told.hub.startService()
    controller.say(protocol.MUX, protocol.FACTS_REPLY, facts("m1"), "e1")
    controller.say(protocol.MUX, protocol.FACTS_REPLY, facts("m2"), "e2")
    controller.say(
        protocol.REGISTRATION, protocol.CONNECTION_REPLY, {"status": "ok", "engines": {"0": "e3"}}
    )
    assert (told.names, controller.asked) == ([], ["e1"])


def test_one_question_at_a_time(told):
    controller = told.controllers.start()
    told.hub.startService()
    told.pass_time(10)
    assert controller.requests == 1 + 11
    assert len(controller.connections) == 1


# --- stopping


def test_a_stopped_client_is_silent_and_keeps_the_machines(told):
    controller = told.controllers.start()
    controller.engines = {"e1": facts("m1")}
    told.hub.startService()
    told.hub.stopService()
    assert not controller.open
    assert told.names == ["m1"]


def test_stopped_while_the_file_is_read(told):
    told.controllers.start()
    told.controllers.slow = Deferred()
    with capturedLogs() as log:
        told.hub.startService()
        told.pass_time(10)
        told.hub.stopService()
    assert told.controllers.reads == 1
    assert not told.controllers.latest.connections
    assert log == []


def test_started_again(told):
    controller = told.controllers.start()
    told.hub.startService()
    told.hub.stopService()
    controller.engines = {"e1": facts("m1")}
    told.hub.startService()
    assert told.names == ["m1"]
