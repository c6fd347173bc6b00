"""`sys._sage_`: what programs written for SageMathCell call in their kernel."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from sagecell_tx.kernelside.interact.interacts import Interacts
from sagecell_tx.kernelside.interact.page import RequestRefused
from sagecell_tx.kernelside.interact.values import plain
from sagecell_tx.kernelside.userapi.namespace import InstrumentedNamespace
from sagecell_tx.kernelside.userapi.page import Blocks
from sagecell_tx.kernelside.userapi.requests import RUNNING

#: Requests that the kernel answers and that ipykernel's `msg_types` does not list.
_STANDARD = RUNNING | {"comm_open", "comm_msg", "comm_close"}


class UserAPI:
    """The kernel's API for its own programs.

    `sent_files` has the modification time of each published file, in seconds, by name. A file for
    which a program sets it is not listed until it changes again. `namespace` has the visitor's
    variables.
    """

    def __init__(
        self,
        *,
        kernel: Any,
        blocks: Blocks,
        interacts: Interacts,
        namespace: InstrumentedNamespace,
    ) -> None:
        self._kernel = kernel
        self._blocks = blocks
        self._interacts = interacts
        self.namespace = namespace
        self.sent_files: dict[str, float] = {}

    # --- messages

    def display_message(self, data: Any, metadata: Mapping[str, Any] | None = None) -> None:
        """Display data by MIME type, or text. `metadata` is that of the message."""
        bundle = data if isinstance(data, Mapping) else {"text/plain": str(data)}
        self._blocks.display(bundle, metadata)

    def stream_message(
        self, stream: str, data: Any, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Write text to `stdout` or `stderr`."""
        if stream not in ("stdout", "stderr"):
            raise ValueError("The stream must be stdout or stderr.")
        self._blocks.publish("stream", {"name": stream, "text": str(data)}, self._where(metadata))

    def _where(self, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**(self._kernel.session.block or {}), **(metadata or {})}

    def javascript(self, code: str) -> None:
        """Run JavaScript in the visitor's page."""
        self._blocks.display({"application/javascript": str(code)})

    def clear(self, changed: Any = None) -> None:
        """Clear the output, and mark the controls in `changed`, or all, as unchanged."""
        names = None if changed is None else [str(name) for name in changed]
        self._blocks.display({"application/sage-clear": {"changed": names}})

    def threejs(self, p: Any, **kwargs: Any) -> None:
        """Show three-dimensional graphics of Sage; raises RuntimeError for anything else."""
        self._kernel.shell.show_scene(p, **kwargs)

    def send_message(
        self,
        stream: Any,
        msg_type: str,
        content: Mapping[str, Any],
        parent: Any,
        **kwargs: Any,
    ) -> Any:
        """Send a message on one of the kernel's sockets."""
        return self._kernel.session.send(stream, msg_type, dict(content), parent, **kwargs)

    # --- the session

    def reset_kernel_timeout(self, timeout: Any) -> None:
        """Request an idle timeout, in seconds; the server may allow less."""
        self._blocks.keep(timeout)

    def new_files(self, root: str = "./") -> list[str]:
        """Publish new files now, not at the end of the cell; returns the names below `root`."""
        names: list[str] = self._kernel.announce_files()
        below = os.path.normpath(root)
        if below == ".":
            return names
        return [name for name in names if name.startswith(f"{below}/")]

    def note_sent(self, name: str, mtime: float) -> bool:
        """Record that a file was published; returns whether `sent_files` had it already."""
        try:
            known = abs(self.sent_files.get(name, -1.0) - mtime) < 1e-6
        except TypeError:  # a program may set it to anything
            known = False
        self.sent_files[name] = mtime
        return known

    def register_handler(self, key: str, handler: Callable[..., Any]) -> None:
        """Answer requests of type `key` on shell by calling ``handler(stream, ident, message)``.

        Raises ValueError for requests that the kernel itself answers.
        """
        if key in _STANDARD or key in self._kernel.msg_types:
            raise ValueError(f"The kernel itself answers {key!r:.100}.")
        self._kernel.shell_handlers[key] = handler

    def update_interact(
        self, interact_id: str, name: Any = None, value: Any = None, do_update: bool = True
    ) -> None:
        """Set a control as a client would, and with `do_update` run the interact's function.

        `name` may be a dictionary of several values. Raises ValueError where a client would be
        refused, and any exception of the function.
        """
        values = name if isinstance(name, dict) else {} if name is None else {name: value}
        try:
            self._interacts.update(interact_id, plain(values), run=do_update)
        except RequestRefused as refusal:
            raise ValueError(str(refusal)) from None
