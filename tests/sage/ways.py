"""The ways to run a cell: alone in its kernel, among all others in one, by ``/service``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import requests
import websocket
from attrs import define, field, frozen

from tests.integration.script import Client, Message
from tests.sage.cells import Cell, chain
from tests.sage.outcomes import Outcome
from tests.sage.plainclient import PlainSage

#: How long the next message may take, in seconds. `Client` waits as long.
PATIENCE = 60

_UPDATE = "sagenb.interact.update_interact"


class Unable(Exception):
    """A cell cannot be run this way."""


class Way(Protocol):
    """How cells are run."""

    def run(self, cell: Cell) -> list[Outcome]:
        """What came from the cell, and from each of its updates. Raises `Unable`."""


# --- over a WebSocket


def execute(client: Client, cell: Cell) -> list[Outcome]:
    """Run a cell and its updates on a kernel; the list ends with the kernel, if that ends."""
    content = {"code": wrapped(cell), "allow_stdin": False}
    metadata = {"language": cell.language}
    outcomes = [Outcome.of_messages(answered(client, "execute_request", content, metadata))]
    for update in cell.updates:
        interact = outcomes[0].interact
        content = {"interact_id": interact, "values": dict(update.values), "update_last": True}
        outcomes.append(Outcome.of_messages(answered(client, _UPDATE, content)))
    return outcomes


def answered(
    client: Client,
    msg_type: str,
    content: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[Message]:
    """Send a request; yields its messages up to idle, or the status ``dead`` that says why not."""
    try:
        msg_id = client.send(msg_type, dict(content), metadata=metadata)
        while True:
            message = client.receive()
            state = message["content"].get("execution_state")
            if state == "dead" or message["parent_header"].get("msg_id") == msg_id:
                yield message
                if state in ("dead", "idle"):
                    return
    except (OSError, websocket.WebSocketException, json.JSONDecodeError) as error:
        reason = f"{type(error).__name__}: {error}"
        content = {"execution_state": "dead", "message": reason}
        yield {"msg_type": "status", "content": content}


@frozen
class Alone:
    """Each cell has a kernel, with the cells before it that it needs."""

    url: str
    cells: Mapping[str, Cell]

    def run(self, cell: Cell) -> list[Outcome]:
        with Client(self.url, timeout="inf") as client:
            for before in chain(cell, self.cells):
                execute(client, before)
            return execute(client, cell)


@define
class Linked:
    """All cells share a kernel. After one that ended it, the next has a new one."""

    url: str
    _client: Client | None = field(default=None, init=False)

    def run(self, cell: Cell) -> list[Outcome]:
        if self._client is None:
            self._client = Client(self.url, timeout="inf")
        outcomes = execute(self._client, cell)
        if any(outcome.ended for outcome in outcomes):
            self.close()
        return outcomes

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


# --- by a request


@frozen
class Service:
    """Each cell is a request, without its updates. There is no way to run one after another."""

    url: str

    def run(self, cell: Cell) -> list[Outcome]:
        if cell.after:
            raise Unable("follows another cell")
        if cell.language == "python" and cell.expected.result:
            raise Unable("shows no value as other clients wrap Python")
        form = {"code": wrapped(cell, python="exec({!r})")}
        answer = requests.post(f"{self.url}/service", data=form, timeout=PATIENCE)
        return [Outcome.of_service(answer.json())]


# --- in plain Sage


@frozen
class Plain:
    """Each cell runs in Sage's own shell, which knows neither interacts nor all languages."""

    sage: PlainSage
    cells: Mapping[str, Cell]

    def run(self, cell: Cell) -> list[Outcome]:
        expected = cell.expected
        own = expected.controls or any(shown.also for shown in expected.shown)
        if own or cell.program or cell.language == "python":
            raise Unable("is this server's own")
        run = [*chain(cell, self.cells), cell]
        answers = self.sage.run([wrapped(each) for each in run], seconds=PATIENCE)
        if len(answers) < len(run):
            return [Outcome(ended="It ended, or was not done in time.")]
        outcome = Outcome.of_messages(answers[-1])
        outcome.files = list(expected.files)  # it reports none
        return [outcome]


# --- other languages


def wrapped(cell: Cell, python: str = "{}") -> str:
    """The program to send for a cell, as the page wraps it. Other clients wrap `python`, too."""
    match cell.language:
        case "sage":
            return cell.code
        case "python":
            return python.format(cell.code)
        case "html":
            return f"html({cell.code!r})"
        case "octave":
            figures = 'if !isempty(get(0, "children")) print("-dpng", "octave.png"); endif'
            return _evaluated(cell, 'set(0, "defaultfigurevisible", "off");', figures)
        case "r":
            return _evaluated(cell, "options(bitmapType='cairo')", "graphics.off()")
        case _:
            return _evaluated(cell)


def _evaluated(cell: Cell, before: str = "", after: str = "") -> str:
    program = "\n".join(part for part in (before, cell.code, after) if part)
    return f"print({cell.language}.eval({program!r}))"
