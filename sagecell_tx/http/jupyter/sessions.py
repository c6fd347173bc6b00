"""Jupyter's sessions: names that clients give to kernels, such as the path of a notebook.

A token has its own names. Without one a client has none that it could share: each page that shows
a notebook may say the same path, and strangers would find themselves in one kernel.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from sagecell_tx.http.jupyter.bodies import Changes
from sagecell_tx.http.jupyter.kernels import JupyterKernel, JupyterKernels
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.endreasons import Reason


@define(kw_only=True, eq=False)
class NamedSession:
    """A session of Jupyter's, in the list of the key `key`; "" for no list."""

    session_id: str
    key: str
    path: str
    name: str
    type: str
    kernel: JupyterKernel


@define(kw_only=True)
class NamedSessions:
    """The sessions by id. Each ends with its kernel, which has at most `most` of them."""

    kernels: JupyterKernels
    new_id: Callable[[], str]
    most: int
    _sessions: dict[str, NamedSession] = field(factory=dict, init=False)

    async def open(self, visitor: Visitor, wanted: Changes) -> NamedSession:
        """A new session and its kernel, unless the token has one of that path. Raises `Problem`.

        The kernel is started if `wanted` does not have the id of one.
        """
        path = wanted.required("path")
        kind = wanted.required("type")
        existing = self._at(visitor.key, path)
        if existing is not None:
            return existing
        kernel = await self._kernel(visitor, wanted)
        existing = self._at(visitor.key, path)
        if existing is not None:  # opened by another request meanwhile
            if not wanted.kernel_id:
                kernel.session.stop(Reason.STOPPED)
            return existing
        session = NamedSession(
            session_id=self.new_id(),
            key=visitor.key,
            path=path,
            name=wanted.name or "",
            type=kind,
            kernel=kernel,
        )
        self._sessions[session.session_id] = session
        self._watch(kernel)
        return session

    def find(self, session_id: str) -> NamedSession:
        """The session of that id, whoever opened it. Raises `Problem`."""
        session = self._sessions.get(session_id)
        if session is None:
            raise Problem(
                404, "unknown_session", f"Session not found: session_id={session_id[:100]!r}"
            )
        return session

    def of(self, key: str) -> list[NamedSession]:
        """The sessions in the list of a key; none without one."""
        return [session for session in self._sessions.values() if key and session.key == key]

    async def change(self, visitor: Visitor, session: NamedSession, wanted: Changes) -> None:
        """Rename a session, or give it another kernel; the one that it had is stopped then."""
        former = None
        is_another = wanted.kernel_id != session.kernel.session.kernel_id
        if is_another and (wanted.kernel_id or wanted.kernel_name):
            kernel = await self._kernel(visitor, wanted)
            if session.session_id not in self._sessions:  # it ended with its kernel meanwhile
                if not wanted.kernel_id:
                    kernel.session.stop(Reason.STOPPED)
                self.find(session.session_id)
            former, session.kernel = session.kernel, kernel
            self._watch(kernel)
        session.path = session.path if wanted.path is None else wanted.path
        session.name = session.name if wanted.name is None else wanted.name
        session.type = session.type if wanted.type is None else wanted.type
        if former is not None:
            await self.kernels.stop(former)

    async def close(self, session: NamedSession) -> None:
        """End a session and its kernel."""
        await self.kernels.stop(session.kernel)

    async def _kernel(self, visitor: Visitor, wanted: Changes) -> JupyterKernel:
        """The kernel of the id in `wanted`, or else a new one. Raises `Problem`."""
        if not wanted.kernel_id:
            return await self.kernels.start(visitor, wanted.kernel_name)
        kernel = self.kernels.find(wanted.kernel_id)
        if len(self._sessions_of(kernel)) >= self.most:
            sentence = f"This kernel has {self.most} sessions already."
            raise Problem(429, "too_many_sessions", sentence, headers={"Retry-After": "5"})
        return kernel

    def _at(self, key: str, path: str) -> NamedSession | None:
        return next((session for session in self.of(key) if session.path == path), None)

    def _sessions_of(self, kernel: JupyterKernel) -> list[NamedSession]:
        return [each for each in self._sessions.values() if each.kernel.session is kernel.session]

    def _watch(self, kernel: JupyterKernel) -> None:
        """Forget a kernel's sessions at its end."""
        if len(self._sessions_of(kernel)) == 1:
            kernel.session.when_dead().addCallback(lambda _: self._forget(kernel))

    def _forget(self, kernel: JupyterKernel) -> None:
        for session in self._sessions_of(kernel):
            del self._sessions[session.session_id]
