"""Marionette, Firefox's own remote protocol, as the connection of a selenium driver.

Debian has no geckodriver, which is a separate program that translates WebDriver into Marionette.
Commands of both differ in little more than their names. A message is its length in bytes, a colon and
JSON: ``[0, id, command, parameters]``, answered by ``[1, id, error, result]``.
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from itertools import count
from typing import Any

from attrs import define, field
from selenium.webdriver.remote.command import Command

#: Marionette's names of the commands that the tests use.
_NAMES = {
    Command.NEW_SESSION: "NewSession",
    Command.QUIT: "DeleteSession",
    Command.GET: "Navigate",
    Command.GO_BACK: "Back",
    Command.REFRESH: "Refresh",
    Command.GET_CURRENT_URL: "GetCurrentURL",
    Command.GET_TITLE: "GetTitle",
    Command.FIND_ELEMENT: "FindElement",
    Command.FIND_ELEMENTS: "FindElements",
    Command.FIND_CHILD_ELEMENT: "FindElement",
    Command.FIND_CHILD_ELEMENTS: "FindElements",
    Command.CLICK_ELEMENT: "ElementClick",
    Command.GET_ELEMENT_TEXT: "GetElementText",
    Command.GET_ELEMENT_RECT: "GetElementRect",
    Command.W3C_GET_ACTIVE_ELEMENT: "GetActiveElement",
    Command.W3C_ACTIONS: "PerformActions",
    Command.W3C_EXECUTE_SCRIPT: "ExecuteScript",
    Command.W3C_EXECUTE_SCRIPT_ASYNC: "ExecuteAsyncScript",
    Command.SET_TIMEOUTS: "SetTimeouts",
    Command.SWITCH_TO_FRAME: "SwitchToFrame",
    Command.SCREENSHOT: "TakeScreenshot",
}

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


@define(eq=False)
class Marionette:
    """A connection to the Firefox that listens on a port of this machine."""

    port: int
    _socket: socket.socket = field(init=False)
    _ids: count[int] = field(factory=count, init=False)

    def __attrs_post_init__(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        self._receive()  # a greeting with the protocol's version

    def execute(self, command: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a command as selenium names it; returns selenium's form of the answer."""
        number, name = next(self._ids), f"WebDriver:{_NAMES[command]}"
        self._send([0, number, name, _parameters(command, params)])
        _, answered, error, result = self._receive()
        assert answered == number, f"{name} got the answer to another command"
        if error is not None:
            return {"status": error["error"], "value": error}
        if isinstance(result, dict) and result.keys() == {"value"}:
            result = result["value"]
        return {"value": result}

    def close(self) -> None:
        """Close the connection; Firefox runs on."""
        self._socket.close()

    def _send(self, message: object) -> None:
        data = json.dumps(message).encode()
        self._socket.sendall(b"%d:%b" % (len(data), data))

    def _receive(self) -> Any:
        length = b""
        while (digit := self._read(1)) != b":":
            length += digit
        return json.loads(self._read(int(length)))

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionError("Firefox has closed the connection")
            data += more
        return bytes(data)


def _parameters(command: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters under Marionette's names."""
    own = {name: value for name, value in params.items() if name != "sessionId"}
    match command:
        case Command.NEW_SESSION:
            return {}
        case Command.FIND_CHILD_ELEMENT | Command.FIND_CHILD_ELEMENTS:
            own["element"] = own.pop("id")
        case Command.SWITCH_TO_FRAME if isinstance(own["id"], dict):
            own = {"element": own["id"][_ELEMENT]}
        case Command.SCREENSHOT:
            own = {"full": False}
    return own
