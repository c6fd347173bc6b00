"""The small language that an answering kernel in memory runs, one command to a line.

    print TEXT       a line on stdout
    display TEXT     a display_data with text/plain
    save NAME TEXT   a file, sent to the server, and named in the reply's payload
    timeout SECONDS  a kernel_timeout
    hang             no answer until it is interrupted
    hold             the same, but only `Kernel.interrupt` has an effect: control is not read
    ignore           no answer, even to interrupts
    raise TEXT       an error; the rest is not run
    exit STATUS      end the kernel's process

Any other line does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, evolve, field

from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.wire.messages import Message, WireError


class AnsweringKernel(Protocol):
    """The kernel that runs the lines.

    `hanging` runs wait for any interrupt, `holding` ones for an interrupt from outside.
    """

    hanging: list[Run]
    holding: list[Run]

    def publish(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        parent: Message | None = None,
        *,
        buffers: tuple[bytes, ...] = (),
    ) -> Message:
        """Publish a new message with the parent `parent`; returns the message."""

    def originate(
        self, msg_type: str, content: dict[str, Any] | None, parent: Message | None
    ) -> Message:
        """The message that `publish` would deliver, to be changed and delivered."""

    def deliver(self, message: Message) -> None:
        """Pass `message` to the observer."""

    def stream(self, text: str, parent: Message | None) -> Message:
        """Publish `text` on stdout."""

    def finish(self, request: Message, content: dict[str, Any] | None) -> None:
        """Answer `request` and be idle again."""

    def end(self, how: Exit) -> None:
        """End the kernel's process."""


@define(eq=False)
class Run:
    """One execute_request that an answering kernel works on."""

    _kernel: AnsweringKernel
    _request: Message
    _saved: list[str] = field(factory=list, init=False)

    def run(self) -> None:
        """Run the lines one after another."""
        code = _code(self._request)
        self._kernel.publish("execute_input", {"code": code, "execution_count": 1}, self._request)
        for line in code.splitlines():
            word, _, rest = line.partition(" ")
            if word in _WORDS and not _WORDS[word](self, rest):
                return
        payload = [{"source": "files", "new_files": self._saved}] if self._saved else []
        self._finish({"status": "ok", "payload": payload, "user_expressions": {}})

    def interrupted(self) -> None:
        """Stop with KeyboardInterrupt."""
        self._fail("KeyboardInterrupt", "")

    # Each command returns whether the next line is to be run.

    def _print(self, text: str) -> bool:
        self._kernel.stream(f"{text}\n", self._request)
        return True

    def _display(self, text: str) -> bool:
        content = {"data": {"text/plain": text}, "metadata": {}, "transient": {}}
        self._kernel.publish("display_data", content, self._request)
        return True

    def _save(self, rest: str) -> bool:
        name, _, text = rest.partition(" ")
        data = text.encode()
        content = {"name": name, "size": len(data), "mtime": 0.0, "offset": 0, "last": True}
        self._kernel.publish("sagecell_file", content, self._request, buffers=(data,))
        self._saved.append(name)
        return True

    def _timeout(self, seconds: str) -> bool:
        asked = self._kernel.originate("kernel_timeout", {}, self._request)
        # By the json module, which writes infinity; `originate` refuses it.
        content = json.dumps({"timeout": float(seconds)}).encode()
        self._kernel.deliver(evolve(asked, content=content))
        return True

    def _hang(self, _: str) -> bool:
        self._kernel.hanging.append(self)
        return False

    def _hold(self, _: str) -> bool:
        self._kernel.holding.append(self)
        return False

    def _ignore(self, _: str) -> bool:
        return False

    def _raise(self, text: str) -> bool:
        self._fail("Exception", text)
        return False

    def _exit(self, status: str) -> bool:
        self._kernel.end(Exit(status=int(status or 0)))
        return False

    def _fail(self, ename: str, evalue: str) -> None:
        error = {"ename": ename, "evalue": evalue, "traceback": [f"{ename}: {evalue}"]}
        self._kernel.publish("error", error, self._request)
        self._finish({"status": "error", **error})

    def _finish(self, content: dict[str, Any]) -> None:
        self._kernel.finish(self._request, {**content, "execution_count": 1})


_WORDS: dict[str, Callable[[Run, str], bool]] = {
    "print": Run._print,
    "display": Run._display,
    "save": Run._save,
    "timeout": Run._timeout,
    "hang": Run._hang,
    "hold": Run._hold,
    "ignore": Run._ignore,
    "raise": Run._raise,
    "exit": Run._exit,
}


def _code(request: Message) -> str:
    """The code in an execute_request, which a client may have sent in any shape."""
    try:
        code = request.parsed_content().get("code")
    except WireError:
        return ""
    return code if isinstance(code, str) else ""
