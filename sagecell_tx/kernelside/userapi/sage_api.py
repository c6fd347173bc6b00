"""`sys._sage_`: what programs written for SageMathCell call in their kernel."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from sagecell_tx.kernelside.interact.interacts import Interacts
from sagecell_tx.kernelside.interact.page import RequestRefused
from sagecell_tx.kernelside.userapi.namespace import InstrumentedNamespace
from sagecell_tx.kernelside.userapi.page import Blocks
from sagecell_tx.kernelside.userapi.requests import RUNNING

#: What the kernel answers beside the requests that ipykernel lists.
_STANDARD = RUNNING | {"comm_open", "comm_msg", "comm_close"}


class UserAPI:
    """The kernel, for its own programs.

    `sent_files` has the time of each file's change, in seconds, by its name. A program that sets
    it for a file keeps the file from being listed until it changes again. `namespace` has the
    visitor's variables.
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

    # --- saying

    def display_message(self, data: Any, metadata: Mapping[str, Any] | None = None) -> None:
        """Display data by MIME type, or text. `metadata` is that of the message."""
        bundle = data if isinstance(data, Mapping) else {"text/plain": str(data)}
        self._blocks.display(bundle, metadata)

    def stream_message(
        self, stream: str, data: Any, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Write text to `stdout` or `stderr`."""
        if stream not in ("stdout", "stderr"):
            raise ValueError("The stream is stdout or stderr.")
        self._blocks.publish("stream", {"name": stream, "text": str(data)}, self._where(metadata))

    def _where(self, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**(self._kernel.session.block or {}), **(metadata or {})}

    def javascript(self, code: str) -> None:
        """Run JavaScript in the visitor's page."""
        self._blocks.display({"application/javascript": str(code)})

    def clear(self, changed: Any = None) -> None:
        """Empty the output's place, and call the controls named in `changed`, or all, clean."""
        names = None if changed is None else [str(name) for name in changed]
        self._blocks.display({"application/sage-clear": {"changed": names}})

    def threejs(self, p: Any, **kwargs: Any) -> None:
        """Show three-dimensional graphics of Sage, to be turned with the mouse."""
        if "sage" not in sys.modules or not hasattr(p, "show"):
            raise RuntimeError(
                "threejs shows three-dimensional graphics of Sage, and this is none."
                if "sage" in sys.modules
                else "threejs needs Sage, which is not here."
            )
        p.show(viewer="threejs", **kwargs)

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
        """Stay so many seconds with nothing to do, as far as the server allows it."""
        self._blocks.keep(timeout)

    def new_files(self, root: str = "./") -> list[str]:
        """Publish files that are new, now and not at the cell's end; returns those below `root`."""
        names: list[str] = self._kernel.announce_files()
        below = os.path.normpath(root)
        if below == ".":
            return names
        return [name for name in names if name.startswith(f"{below}/")]

    def note_sent(self, name: str, mtime: float) -> bool:
        """A file was published; returns whether `sent_files` said so already."""
        try:
            known = abs(self.sent_files.get(name, -1.0) - mtime) < 1e-6
        except TypeError:  # it is the program's to spoil
            known = False
        self.sent_files[name] = mtime
        return known

    def register_handler(self, key: str, handler: Callable[..., Any]) -> None:
        """Answer requests of type `key` on shell by calling ``handler(stream, ident, message)``.

        Raises ValueError for those that the kernel itself answers.
        """
        if key in _STANDARD or key in self._kernel.msg_types:
            raise ValueError(f"The kernel itself answers {key!r:.100}.")
        self._kernel.shell_handlers[key] = handler

    def update_interact(
        self, interact_id: str, name: Any = None, value: Any = None, do_update: bool = True
    ) -> None:
        """Set a control as a client would, and run the interact's function if told so.

        `name` may be a dictionary of several values. Raises ValueError for what a client would be
        refused, and what the function raises.
        """
        values = name if isinstance(name, dict) else {} if name is None else {name: value}
        try:
            self._interacts.update(interact_id, values, run=do_update)
        except RequestRefused as refusal:
            raise ValueError(str(refusal)) from None
