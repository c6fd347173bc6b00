"""A forked kernel's states, from its first start command to the end of its process.

::

    starting -> connecting -> up
    starting -> restarted -> connecting   its fork server was lost, and the next one starts it
    any before up -> given_up             nobody waits for it any more: it is killed
    any before up -> failing              it cannot come up: it is killed, and the start fails
    up -> condemned                       it must not go on: it is killed
    any -> gone                           its process has ended

Every input may come in every state. All but `server_lost`, which has an answer, may come from inside
another one's reaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, evolve, frozen
from automat import TypeMachine, TypeMachineBuilder

from sagecell_tx.hosts.network.egress import Outlet
from sagecell_tx.sessions.interfaces import Exit


class KernelInputs(Protocol):
    """What can happen to a forked kernel."""

    def bound(self, outlet: Outlet | None) -> None:
        """The kernel's sockets are there; `outlet` is its way to the network, if it has one."""

    def heard(self) -> None:
        """The kernel is heard on iopub."""

    def start_cancelled(self) -> None:
        """Nobody waits any more for the kernel to start."""

    def failed(self, reason: str | None) -> None:
        """The kernel must not go on; `reason` is the word for that in its `Exit`, if there is one."""

    def server_lost(self) -> bool:
        """The fork server is gone, with all its kernels; gives whether this one is to start anew."""

    def ended(self, how: Exit) -> None:
        """The process tree is gone."""


class KernelEffects(Protocol):
    """What the states have a forked kernel do."""

    def connect(self, outlet: Outlet | None) -> None:
        """Connect to the kernel's sockets: it is `heard` then, or has `failed`."""

    def come_up(self) -> None:
        """Hand the kernel to whoever waits for it."""

    def give_up(self) -> None:
        """End the kernel, whether its start command was sent already or not."""

    def kill(self) -> None:
        """Kill the process tree."""

    def release_start(self) -> None:
        """Let go of what belongs to this start alone."""

    def fail_start(self) -> None:
        """Tell whoever waits for the kernel that there will be none."""

    def clear_up(self, how: Exit) -> None:
        """Hear the kernel's last words, let go of all it had, and tell its end."""


@define
class KernelCore:
    """What all states share."""

    effects: KernelEffects


@frozen
class Condemned:
    """A kernel that is being killed; with a `reason`, its end has that one."""

    reason: str | None

    def explain(self, how: Exit) -> Exit:
        """How it ended, and why."""
        return how if self.reason is None else evolve(how, reason=self.reason)


def _condemned(kernel: KernelInputs, core: KernelCore, reason: str | None) -> Condemned:
    return Condemned(reason)


def _build() -> TypeMachine[KernelInputs, KernelCore]:
    """The table: every input in every state."""
    machine = TypeMachineBuilder(KernelInputs, KernelCore)
    starting = machine.state("starting")
    restarted = machine.state("restarted")
    connecting = machine.state("connecting")
    up = machine.state("up")
    given_up = machine.state("given_up")
    failing = machine.state("failing", _condemned)
    condemned = machine.state("condemned", _condemned)
    gone = machine.state("gone")

    # The way it should go.
    @starting.upon(KernelInputs.bound).to(connecting)
    @restarted.upon(KernelInputs.bound).to(connecting)
    def connect(kernel: KernelInputs, core: KernelCore, outlet: Outlet | None) -> None:
        core.effects.connect(outlet)

    @connecting.upon(KernelInputs.heard).to(up)
    def come_up(kernel: KernelInputs, core: KernelCore) -> None:
        core.effects.come_up()

    # Nobody has seen anything of such a kernel yet, so another may be it. Once: a second fork server
    # that dies of the same start is one too many.
    @starting.upon(KernelInputs.server_lost).to(restarted)
    def start_anew(kernel: KernelInputs, core: KernelCore) -> bool:
        core.effects.release_start()
        return True

    later: tuple[Any, ...] = (restarted, connecting, up, given_up, failing, condemned, gone)
    for state in later:
        state.upon(KernelInputs.server_lost).loop().returns(False)

    # The way out: killed.
    @starting.upon(KernelInputs.start_cancelled).to(given_up)
    @restarted.upon(KernelInputs.start_cancelled).to(given_up)
    @connecting.upon(KernelInputs.start_cancelled).to(given_up)
    def give_up(kernel: KernelInputs, core: KernelCore) -> None:
        core.effects.give_up()

    @failing.upon(KernelInputs.start_cancelled).to(given_up)
    def wait_for_the_end(kernel: KernelInputs, core: KernelCore, why: Condemned) -> None:
        """It is being killed already."""

    @starting.upon(KernelInputs.failed).to(failing)
    @restarted.upon(KernelInputs.failed).to(failing)
    @connecting.upon(KernelInputs.failed).to(failing)
    @up.upon(KernelInputs.failed).to(condemned)
    def kill(kernel: KernelInputs, core: KernelCore, reason: str | None) -> None:
        core.effects.kill()

    # The end.
    @starting.upon(KernelInputs.ended).to(gone)
    @restarted.upon(KernelInputs.ended).to(gone)
    @connecting.upon(KernelInputs.ended).to(gone)
    def ended_before_it_was_up(kernel: KernelInputs, core: KernelCore, how: Exit) -> None:
        core.effects.fail_start()
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

    # What changes nothing where it comes.
    ignored: dict[Any, list[Callable[..., None]]] = {
        starting: [KernelInputs.heard],
        restarted: [KernelInputs.heard],
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


def _nothing(kernel: KernelInputs, core: KernelCore, *told: object) -> None:
    """Nothing changes."""


new_kernel_state = _build()
