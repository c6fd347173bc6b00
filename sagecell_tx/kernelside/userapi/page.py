"""The visitor's page as interacts see it, from within a kernel."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from IPython.display import display

from sagecell_tx.kernelside.output import figures
from sagecell_tx.kernelside.output.publisher import Publisher

#: JSON has no infinity. The server takes whatever is above its own limit for that.
FOR_EVER = sys.float_info.max


class Blocks:
    """Says what belongs to which block of the page. `kernel` is whose page it is."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    # --- saying

    def publish(
        self, msg_type: str, content: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Publish a message on behalf of the latest request."""
        kernel = self._kernel
        publisher = self._publisher
        publisher.hasten()  # what was written before comes before
        kernel.session.send(
            publisher,
            msg_type,
            dict(content),
            parent=kernel.get_parent("shell"),
            ident=kernel._topic(msg_type),
            metadata=dict(metadata or {}),
        )

    def display(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Say data by MIME type; `metadata` is that of the message."""
        content = {"data": dict(data), "metadata": {}, "transient": {}, "source": "sagecell"}
        self.publish("display_data", content, metadata)

    def show(self, value: Any) -> None:
        """Show an object."""
        if value is not None:
            display(value)

    def show_error(self) -> None:
        """Show the exception that is being handled."""
        self._kernel.shell.showtraceback(running_compiled_code=True)

    def stay(self) -> None:
        """The session does not end because it has nothing to do; what the server allows it."""
        self.keep(math.inf)

    def keep(self, seconds: Any) -> None:
        """The session stays so long with nothing to do; raises ValueError, TypeError."""
        wanted = float(seconds)
        if math.isnan(wanted):
            raise ValueError("A time is a number of seconds.")
        self.publish("kernel_timeout", {"timeout": min(wanted, FOR_EVER)})

    def evaluate(self, typed: str) -> Any:
        """What text stands for among the visitor's variables; in Sage, in its language."""
        preparser = sys.modules.get("sage.repl.preparse")
        source = typed if preparser is None else preparser.preparse(typed)
        shell = self._kernel.shell
        code = compile(source.strip(), "<input box>", "eval")
        return eval(code, shell.user_global_ns, shell.user_ns)

    # --- blocks

    @contextmanager
    def block(self, block_id: str) -> Iterator[None]:
        """All output in it, plots that are left open included, belongs to the block."""
        session, publisher = self._kernel.session, self._publisher
        before, drawn = session.block, figures.open_figures()
        publisher.hasten()  # what was written before belongs elsewhere
        session.block = publisher.block = {"interact_id": block_id}
        try:
            yield
            try:
                figures.show_others(drawn)
            except Exception:
                self.show_error()
        finally:
            publisher.hasten()
            session.block = publisher.block = before

    def close(self) -> None:
        """No block is open. To be said between requests: an interrupt may come at any moment."""
        self._kernel.session.block = self._publisher.block = None

    @property
    def _publisher(self) -> Publisher:
        publisher: Publisher = self._kernel.iopub_socket
        return publisher
