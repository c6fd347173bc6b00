"""What is to be read of a fleet."""

from __future__ import annotations

from sagecell_tx.limits import AdmissionLimits, Limits
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.measures import fleet_measures
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.fleet.test_fleet import FleetCase
from tests.sessions.samples import code


class MeasuresTests(FleetCase):
    limits = Limits(admission=AdmissionLimits(kernels=2, service_kernels=1, queue_length=1))

    def read(self, name: str) -> dict[tuple[str, ...], object]:
        """The values of one measure that are not 0."""
        (found,) = [each for each in fleet_measures(self.fleet) if each.name == name]
        for labels in found.values:
            assert len(labels) == len(found.labels)
        return {labels: value for labels, value in found.values.items() if value}

    def test_sessions_by_state(self) -> None:
        self.host.answering = True
        self.host.prompt = False
        session = self.open(timeout=60)
        assert self.read("sessions") == {("starting", "local"): 1}
        self.host.latest.come_up()
        listener = MemoryListener().attach(session.attach)
        assert self.read("sessions") == {("idle", "local"): 1}
        assert self.read("listeners") == {(): 1}
        listener.attachment.send(code("hang"))
        assert self.read("sessions") == {("busy", "local"): 1}
        self.host.latest.stubborn = True
        session.stop(Reason.STOPPED)
        assert self.read("sessions") == {("ending", "local"): 1}
        self.clock.advance(self.limits.lifetime.stop_grace_seconds)
        assert self.read("sessions") == {}
        assert self.read("session_ends") == {("stopped",): 1}

    def test_all_states_and_reasons_are_there_from_the_beginning(self) -> None:
        by_name = {each.name: each for each in fleet_measures(self.fleet)}
        assert len(by_name["sessions"].values) == 4
        assert len(by_name["session_ends"].values) == len(Reason)
        assert len(by_name["messages"].values) == 8

    def test_a_machine_has_a_name(self) -> None:
        self.open(timeout=60)
        self.host.latest.machine = "tall"
        assert self.read("sessions") == {("idle", "tall"): 1}
        self.open(timeout=60)
        assert self.read("sessions") == {("idle", "tall"): 1, ("idle", "local"): 1}

    def test_places_queue_and_refusals(self) -> None:
        for _ in range(2):
            self.open(timeout=60)
        waiting = self.fleet.open(Visitor(), timeout=60)
        self.refusal()
        assert self.read("places") == {("kernel",): 2, ("service",): 1, **self.single()}
        assert self.read("places_taken") == {("kernel",): 2}
        assert self.read("queue_length") == {("kernel",): 1}
        assert self.read("refusals") == {("too_many_kernels",): 1}
        self.fleet.admission.refused["of_tomorrow"] = 2
        assert self.read("refusals") == {("too_many_kernels",): 1, ("other",): 2}
        waiting.cancel()
        self.failureResultOf(waiting)

    def single(self) -> dict[tuple[str, ...], object]:
        return {(purpose.value,): 1 for purpose in (Purpose.COMPLETER, Purpose.CHECK)}

    def test_what_waits_to_be_read(self) -> None:
        session = self.open(timeout=60)
        listener = MemoryListener(slow=True).attach(session.attach)
        self.host.latest.stream("x" * 1000)
        self.host.latest.unread = 70
        kept = session.audience.kept
        assert kept > 1000
        assert self.read("waiting_bytes") == {("clients",): kept, ("kernels",): 70}
        session.stop(Reason.STOPPED)
        kept = session.audience.kept
        assert kept > 1000
        assert self.read("waiting_bytes") == {("clients_of_ended",): kept}
        listener.read_all()
        assert self.read("waiting_bytes") == {}

    def test_messages_in_both_directions(self) -> None:
        self.host.answering = True
        session = self.open(timeout=60)
        request = code("print 2")
        MemoryListener().attach(session.attach).attachment.send(request)
        messages, sizes = self.read("messages"), self.read("message_bytes")
        assert messages["to_kernel", "shell"] == 1
        assert sizes["to_kernel", "shell"] == request.size
        assert messages["from_kernel", "shell"] == 1
        # Busy, the input, the text, and idle.
        assert messages["from_kernel", "iopub"] == 4
        assert sizes.keys() == messages.keys()
