"""The models of kernels and sessions that Jupyter's clients read, as Jupyter Server 2.21 has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from sagecell_tx.http.jupyter.kernels import JupyterKernel
from sagecell_tx.http.jupyter.sessions import NamedSession


@define(kw_only=True)
class Models:
    """Describes kernels and sessions. `now` gives the time as ISO 8601 text with zone."""

    clock: IReactorTime
    now: Callable[[], str]
    _zero: datetime = field(init=False)  # when `clock` was 0

    def __attrs_post_init__(self) -> None:
        # Once, so that one time is always the same text: clients look for changes in models.
        moment = datetime.fromisoformat(self.now())
        self._zero = moment.astimezone(UTC) - timedelta(seconds=self.clock.seconds())

    def kernel(self, kernel: JupyterKernel) -> dict[str, Any]:
        """The model of a kernel."""
        session = kernel.session
        return {
            "id": session.kernel_id,
            "name": kernel.spec.name,
            "last_activity": self.time(session.last_activity),
            "execution_state": session.execution_state,
            "connections": session.audience.listening,
        }

    def session(self, named: NamedSession) -> dict[str, Any]:
        """The model of a session, with that of its kernel."""
        model = {
            "id": named.session_id,
            "path": named.path,
            "name": named.name,
            "type": named.type,
            "kernel": self.kernel(named.kernel),
        }
        if named.type == "notebook":
            model["notebook"] = {"path": named.path, "name": named.name}
        return model

    def time(self, seconds: float) -> str:
        """A time of `clock` as UTC, with a Z, as Jupyter's clients parse it."""
        moment = self._zero + timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
