"""The visitor's page for interacts (see `interact.page.Page`), in a kernel."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from IPython.display import display

from sagecell_tx.kernelside.interact.controls.control import Evaluate
from sagecell_tx.kernelside.output import figures
from sagecell_tx.kernelside.output.publisher import Publisher

#: Stands for infinity, which JSON does not have. The server reduces it to its own limit.
FOR_EVER = sys.float_info.max


class Blocks:
    """Publishes the messages of `kernel`, each for the block of the page that is open."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        #: Whether the latest idle timeout that the program asked for keeps the session open.
        self.kept = False

    # --- publishing

    def publish(
        self, msg_type: str, content: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Publish a message on behalf of the latest request."""
        kernel = self._kernel
        publisher = self._publisher
        publisher.hasten()  # so that earlier text comes before it
        kernel.session.send(
            publisher,
            msg_type,
            dict(content),
            parent=kernel.get_parent("shell"),
            ident=kernel._topic(msg_type),
            metadata=dict(metadata or {}),
        )

    def display(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Publish data by MIME type; `metadata` is that of the message."""
        content = {"data": dict(data), "metadata": {}, "transient": {}, "source": "sagecell"}
        self.publish("display_data", content, metadata)

    def show(self, value: Any) -> None:
        """Display an object; nothing for None."""
        if value is not None:
            display(value)

    def show_error(self) -> None:
        """Show the exception that is being handled."""
        self._kernel.shell.showtraceback(running_compiled_code=True)

    def stay(self) -> None:
        """Keep the session open while it is idle, for as long as the server allows."""
        self.keep(math.inf)

    def keep(self, seconds: Any) -> None:
        """Request an idle timeout, in seconds; raises ValueError, TypeError."""
        wanted = float(seconds)
        if math.isnan(wanted):
            raise ValueError("A timeout must be a number of seconds.")
        self.kept = wanted > 0
        self.publish("kernel_timeout", {"timeout": min(wanted, FOR_EVER)})

    def evaluator(self) -> Evaluate:
        """See `Page.evaluator`. Tracebacks show an expression as it was typed."""
        shell = self._kernel.shell
        as_python = shell.expressions()

        def evaluate(typed: str) -> Any:
            source = typed.strip()
            name = shell.compile.keep(source, "Input box")
            code = compile(as_python(source), name, "eval")
            return eval(code, shell.user_global_ns, shell.user_ns)

        return evaluate

    # --- blocks

    @contextmanager
    def block(self, block_id: str) -> Iterator[None]:
        """A context in which all output belongs to the block, figures left open included."""
        session, publisher = self._kernel.session, self._publisher
        before, drawn = session.block, figures.open_figures()
        publisher.hasten()  # earlier text belongs elsewhere
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
        """Leave all blocks. Called between requests, in case of an interrupt."""
        self._kernel.session.block = self._publisher.block = None

    @property
    def _publisher(self) -> Publisher:
        publisher: Publisher = self._kernel.iopub_socket
        return publisher
