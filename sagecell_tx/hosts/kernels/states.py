"""A kernel's states, from its start to the end of its process.

::

    starting -> connecting -> up
    any before up -> given_up             its start was cancelled: it is killed
    any before up -> failing              it cannot come up: it is killed, and the start fails
    up -> condemned                       it must not continue: it is killed
    any -> gone                           its process has ended

Every input may come in every state, also while another input is handled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, evolve, frozen
from automat import TypeMachine, TypeMachineBuilder

from sagecell_tx.sessions.interfaces import Exit


class KernelInputs(Protocol):
    """The inputs of a kernel's state machine."""

    def bound(self) -> None:
        """The kernel's sockets are bound."""

    def heard(self) -> None:
        """The kernel's first message on iopub has arrived."""

    def start_cancelled(self) -> None:
        """The start of the kernel was cancelled."""

    def failed(self, reason: str | None) -> None:
        """The kernel must not continue; `reason` is that of its `Exit`, if there is one."""

    def ended(self, how: Exit) -> None:
        """The process tree has ended."""


class KernelEffects(Protocol):
    """The effects of a kernel's state machine."""

    def connect(self) -> None:
        """Connect to the kernel's sockets; the input `heard` or `failed` follows."""

    def come_up(self) -> None:
        """Complete the start with the kernel."""

    def give_up(self) -> None:
        """End the kernel, since its start was cancelled."""

    def kill(self) -> None:
        """Kill the process tree."""

    def fail_start(self, how: Exit) -> None:
        """Let the start fail with `StartFailed`, as the process has ended."""

    def clear_up(self, how: Exit) -> None:
        """Receive the last messages, remove what the kernel had, and report its end."""


@define
class KernelCore:
    """The state machine's core: the data that all states share."""

    effects: KernelEffects


@frozen
class Condemned:
    """The data of a kernel that is being killed; `reason` is that of its `Exit`, if not None."""

    reason: str | None

    def explain(self, how: Exit) -> Exit:
        """`how`, with this reason if there is one."""
        return how if self.reason is None else evolve(how, reason=self.reason)


def _condemned(kernel: KernelInputs, core: KernelCore, reason: str | None) -> Condemned:
    return Condemned(reason)


def _build() -> TypeMachine[KernelInputs, KernelCore]:
    """The table: every input in every state."""
    machine = TypeMachineBuilder(KernelInputs, KernelCore)
    starting = machine.state("starting")
    connecting = machine.state("connecting")
    up = machine.state("up")
    given_up = machine.state("given_up")
    failing = machine.state("failing", _condemned)
    condemned = machine.state("condemned", _condemned)
    gone = machine.state("gone")

    # A successful start.
    @starting.upon(KernelInputs.bound).to(connecting)
    def connect(kernel: KernelInputs, core: KernelCore) -> None:
        core.effects.connect()

    @connecting.upon(KernelInputs.heard).to(up)
    def come_up(kernel: KernelInputs, core: KernelCore) -> None:
        core.effects.come_up()

    # Kernels that are killed.
    @starting.upon(KernelInputs.start_cancelled).to(given_up)
    @connecting.upon(KernelInputs.start_cancelled).to(given_up)
    def give_up(kernel: KernelInputs, core: KernelCore) -> None:
        core.effects.give_up()

    @failing.upon(KernelInputs.start_cancelled).to(given_up)
    def wait_for_the_end(kernel: KernelInputs, core: KernelCore, why: Condemned) -> None:
        """It is being killed already."""

    @starting.upon(KernelInputs.failed).to(failing)
    @connecting.upon(KernelInputs.failed).to(failing)
    @up.upon(KernelInputs.failed).to(condemned)
    def kill(kernel: KernelInputs, core: KernelCore, reason: str | None) -> None:
        core.effects.kill()

    # Kernels that have ended.
    @starting.upon(KernelInputs.ended).to(gone)
    @connecting.upon(KernelInputs.ended).to(gone)
    def ended_before_it_was_up(kernel: KernelInputs, core: KernelCore, how: Exit) -> None:
        core.effects.fail_start(how)
        core.effects.clear_up(how)

    @failing.upon(KernelInputs.ended).to(gone)
    def failed_to_start(kernel: KernelInputs, core: KernelCore, why: Condemned, how: Exit) -> None:
        ended_before_it_was_up(kernel, core, why.explain(how))

    @up.upon(KernelInputs.ended).to(gone)
    @given_up.upon(KernelInputs.ended).to(gone)
    def ended(kernel: KernelInputs, core: KernelCore, how: Exit) -> None:
        core.effects.clear_up(how)

    @condemned.upon(KernelInputs.ended).to(gone)
    def ended_as_condemned(
        kernel: KernelInputs, core: KernelCore, why: Condemned, how: Exit
    ) -> None:
        core.effects.clear_up(why.explain(how))

    # Inputs that are ignored, by state.
    ignored: dict[Any, list[Callable[..., None]]] = {
        starting: [KernelInputs.heard],
        connecting: [KernelInputs.bound],
        up: [KernelInputs.bound, KernelInputs.heard, KernelInputs.start_cancelled],
        given_up: [*_STARTING, KernelInputs.start_cancelled, KernelInputs.failed],
        failing: [*_STARTING, KernelInputs.failed],
        condemned: [*_STARTING, KernelInputs.start_cancelled, KernelInputs.failed],
        gone: [
            *_STARTING,
            KernelInputs.start_cancelled,
            KernelInputs.failed,
            KernelInputs.ended,
        ],
    }
    for state, inputs in ignored.items():
        for each in inputs:
            state.upon(each).loop()(_nothing)
    return machine.build()


_STARTING: list[Callable[..., None]] = [KernelInputs.bound, KernelInputs.heard]


def _nothing(kernel: KernelInputs, core: KernelCore, *arguments: object) -> None:
    """Ignore the input."""


new_kernel_state = _build()
