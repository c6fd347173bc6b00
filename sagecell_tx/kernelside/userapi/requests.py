"""Requests of a page to interacts and dynamic variables, on shell::

    -> sagenb.interact.update_interact  {"interact_id": ..., "values": {...}, "update_last": true,
                                         "user_expressions": {...}}
    <- sagenb.interact.update_interact_reply  {"status": "ok", "result": null,
                                               "user_expressions": {...}, "payload": [...]}
    -> variable_update  {"namespace": ..., "variable": ..., "control": ..., "value": ...}
    -> control_update   {"namespace": ..., "variable": ..., "control_id": ...}

All content is untrusted. Each request gets a reply; a failure has status `error`, an error code
or the exception's name in `ename`, and a message in `evalue`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from sagecell_tx.kernelside.interact.page import RequestRefused
from sagecell_tx.kernelside.userapi import exits

UPDATE_INTERACT = "sagenb.interact.update_interact"

#: Requests that run a visitor's code, and that an interrupt ends.
RUNNING = frozenset({"execute_request", UPDATE_INTERACT, "control_update", "variable_update"})


class InteractRequests:
    """A kernel's handlers of these requests, by message type, as ipykernel calls them."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        dynamics = kernel.shell.toolbox.dynamics
        self.handlers: dict[str, Callable[[Any, Any, dict[str, Any]], None]] = {
            UPDATE_INTERACT: self._answers(UPDATE_INTERACT, self._update_interact),
            "control_update": self._answers("control_update", dynamics.control_update),
            "variable_update": self._answers("variable_update", dynamics.variable_update),
        }

    def _answers(
        self, msg_type: str, answer: Callable[[Any], None]
    ) -> Callable[[Any, Any, dict[str, Any]], None]:
        def handle(stream: Any, ident: Any, parent: dict[str, Any]) -> None:
            kernel = self._kernel
            reply = kernel.interrupts.run(lambda: self._reply(answer, parent), _interrupted)
            if msg_type == UPDATE_INTERACT:
                files = kernel.files_payload()
                reply = {"result": None, "user_expressions": {}, **reply, "payload": files}
            sys.stdout.flush()
            sys.stderr.flush()
            kernel.session.send(stream, f"{msg_type}_reply", reply, parent, ident=ident)

        return handle

    def _reply(self, answer: Callable[[Any], None], parent: dict[str, Any]) -> dict[str, Any]:
        shell, content = self._kernel.shell, parent["content"]
        try:
            with shell.builtin_trap, shell.display_trap:
                with exits.success():
                    answer(content)
                shell.toolbox.namespace.settle()
                return {"status": "ok", "user_expressions": self._expressions(content)}
        except RequestRefused as refusal:
            return _error(refusal.word, str(refusal))
        except SystemExit as error:
            return _error("SystemExit", str(exits.status(error)), shell._last_traceback)
        except (Exception, KeyboardInterrupt) as error:
            return _error(type(error).__name__, _text(error), shell._last_traceback)

    def _expressions(self, content: Any) -> dict[str, Any]:
        asked = content.get("user_expressions") if isinstance(content, dict) else None
        if not isinstance(asked, dict):
            return {}
        texts = {name: text for name, text in asked.items() if isinstance(text, str)}
        values: dict[str, Any] = self._kernel.shell.user_expressions(texts)
        return values

    def _update_interact(self, content: Any) -> None:
        if not isinstance(content, dict):
            raise RequestRefused("invalid_request", "The content must be a JSON object.")
        run = content.get("update_last", True)
        if not isinstance(run, bool):
            raise RequestRefused("invalid_request", "update_last must be true or false.")
        interacts = self._kernel.shell.toolbox.interacts
        interacts.update(content.get("interact_id"), content.get("values", {}), run=run)


def _error(name: str, sentence: str, traceback: Any = None) -> dict[str, Any]:
    return {"status": "error", "ename": name, "evalue": sentence, "traceback": traceback or []}


def _interrupted() -> dict[str, Any]:
    return _error("KeyboardInterrupt", "")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""
