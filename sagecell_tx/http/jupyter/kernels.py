"""The kernels that Jupyter's clients started, and whose lists they are in.

A kernel's id is all that a client needs to use it, as below ``/kernel``: ids cannot be guessed. A
list has only the kernels that were started with the token of whoever asks for it.
"""

from __future__ import annotations

from math import inf

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError

from sagecell_tx.http.jupyter.kernelspecs import OfferedSpec, OfferedSpecs
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import SessionEnded
from sagecell_tx.sessions.lifecycle.session import Session


def unknown_kernel(kernel_id: str) -> Problem:
    """The answer to a request for a kernel that there is not."""
    return Problem(404, "unknown_kernel", f"Kernel does not exist: {kernel_id[:100]}")


@frozen(kw_only=True, eq=False)
class JupyterKernel:
    """A kernel, its kernelspec, and the name of the key in whose list it is; "" for no list."""

    session: Session
    spec: OfferedSpec
    key: str = ""


@define(kw_only=True)
class JupyterKernels:
    """The kernels of one fleet that were started below ``/api``, by id."""

    fleet: Fleet
    specs: OfferedSpecs
    _started: dict[str, JupyterKernel] = field(factory=dict, init=False)

    async def start(self, visitor: Visitor, spec_name: str) -> JupyterKernel:
        """Start a kernel, which is up when this returns; "" is the default kernelspec.

        It is admitted like that of a cell. Raises `Problem`, `Refused` and `StartFailed`. When
        cancelled, the kernel is stopped.
        """
        spec = self.specs.to_start(spec_name)
        session = await self.fleet.open(
            visitor,
            timeout=inf,
            lasting=True,
            language=spec.program_language,
            spec=spec.kind,
        )
        kernel = JupyterKernel(session=session, spec=spec, key=visitor.key)
        self._started[session.kernel_id] = kernel
        session.when_dead().addCallback(lambda _: self._started.pop(session.kernel_id))
        try:
            await session.when_ready()
        except CancelledError:
            session.stop(Reason.STOPPED)
            raise
        return kernel

    def find(self, kernel_id: str) -> JupyterKernel:
        """The kernel of that id, whoever started it, and where. Raises `Problem`."""
        started = self._started.get(kernel_id)
        if started is not None:
            return started
        session = self.fleet.get(kernel_id)
        if session is None:
            raise unknown_kernel(kernel_id)
        return JupyterKernel(session=session, spec=self.specs.of_cells)

    def find_session(self, kernel_id: str) -> Session:
        """The session of that kernel, also after its end while it is kept. Raises `Problem`."""
        session = self.fleet.remembered(kernel_id)
        if session is None:
            raise unknown_kernel(kernel_id)
        return session

    def of(self, key: str) -> list[JupyterKernel]:
        """The kernels in the list of a key; none without one."""
        return [kernel for kernel in self._started.values() if key and kernel.key == key]

    async def restart(self, kernel: JupyterKernel) -> None:
        """Replace a kernel's process; returns when the new one is up.

        Raises `Refused` and `StartFailed`, and `Problem` if the kernel is ended instead.
        """
        try:
            await kernel.session.restart()
        except SessionEnded:
            raise unknown_kernel(kernel.session.kernel_id) from None

    async def stop(self, kernel: JupyterKernel) -> None:
        """Stop a kernel; returns when it has ended."""
        kernel.session.stop(Reason.STOPPED)
        await kernel.session.when_dead()
