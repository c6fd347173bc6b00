"""What an operator sees of a machine of the cluster."""

from __future__ import annotations

from twisted.internet.task import Clock

from sagecell_tx.hosts.cluster.facts import PROTOCOL, Facts
from sagecell_tx.hosts.cluster.machine import Machine
from sagecell_tx.hosts.cluster.reports import Hello, MachineStatus
from sagecell_tx.sessions.interfaces import KernelMachine


def test_each_state() -> None:
    facts = Facts(
        name="a", host="192.0.2.1", port=1, fingerprint="0" * 64, protocol=PROTOCOL, version="1"
    )
    machine = Machine(
        facts=facts,
        clock=Clock(),
        required="account",
        max_kernels=64,
        connect_to=lambda _: lambda _: None,
        on_change=lambda: None,
        on_gone=lambda _: None,
    )
    assert machine.seen == KernelMachine(name="a", state="connecting", kernels=0)
    machine.hello = Hello(version="1", capacity=5, session="s", specs=frozenset())
    machine.status = MachineStatus(memory=7)
    assert machine.seen.state == "starting"
    machine.status = MachineStatus(starting=False, sandbox="none", memory=7)
    assert machine.seen.state == "weak"
    machine.status = MachineStatus(starting=False, sandbox="namespaces", memory=7)
    assert machine.seen == KernelMachine(name="a", state="up", kernels=0, memory_available_bytes=7)
