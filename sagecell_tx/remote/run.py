"""Runs one program on a server, by ``POST /api/execute``, and tells what happens as it happens."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import treq
from attrs import define, field, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from sagecell_tx.remote.saving import Directory, NotWritten
from sagecell_tx.remote.terminal import Terminal
from sagecell_tx.wire.messages import WireError, parse_json

#: Exit statuses besides those of programs; those of timeout(1) and docker-run(1) for the same.
LATE = 124  # the program was stopped at its deadline
NOT_RUN = 125  # it could not be run, or its files could not be saved
DIED = 126  # its kernel ended before it did

#: Bytes of one line of an answer. A server sends no longer ones.
LONGEST = 256 << 20

#: Strings, brackets and commas of one line: more than any output, or a list of files, may have.
VALUES = 1_000_000

#: Bytes of a refusal that are read.
_REFUSAL = 64 * 1024

#: Seconds between two changes of the line of progress.
_TICK = 1.0


class NotRun(Exception):
    """The program was not run to its end; the text is a sentence for the user."""


@frozen(kw_only=True)
class Order:
    """What is to be run, and how."""

    code: str
    language: str = ""
    files: Sequence[tuple[str, bytes]] = ()  # names and contents, to be sent along
    timeout: float | None = None
    idempotency_key: str = ""
    accepts_terms: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The body of the request."""
        body: dict[str, Any] = {"code": self.code}
        if self.language:
            body["language"] = self.language
        if self.files:
            body["files"] = [
                {"name": name, "base64": base64.b64encode(data).decode("ascii")}
                for name, data in self.files
            ]
        if self.timeout is not None:
            body["timeout"] = self.timeout
        if self.idempotency_key:
            body["idempotency_key"] = self.idempotency_key
        if self.accepts_terms:
            body["accepted_tos"] = True
        return body


@define(kw_only=True)
class RemoteRun:
    """One run on the server at `server`, a URL. Its files are saved in `directory`, if any.

    `http` is treq's client, or one with its methods; see `uncompressed.http_client`.
    """

    server: str
    order: Order
    terminal: Terminal
    clock: IReactorTime
    token: str = ""
    directory: Directory | None = None
    http: Any
    _kernel_id: str = field(default="", init=False)
    _end: dict[str, Any] | None = field(default=None, init=False)
    _received: bytearray = field(factory=bytearray, init=False)
    _began: float = field(default=0.0, init=False)
    _state: str = field(default="connecting", init=False)  # in the line of progress

    async def run(self) -> int:
        """Run it; returns the exit status. Cancelling ends the run on the server as well."""
        running = LoopingCall(self._tick)
        running.clock = self.clock
        self._began = self.clock.seconds()
        running.start(_TICK, now=False)
        try:
            await self._execute()
            status = self._status()
            if not await self._save_files():
                status = status or NOT_RUN
        except NotRun as error:
            self.terminal.say(str(error))
            return NOT_RUN
        finally:
            running.stop()
            self.terminal.progress("")
        return status

    # --- the stream

    def _tick(self) -> None:
        seconds = int(self.clock.seconds() - self._began)
        self.terminal.progress(f"[{self._state}, {seconds} s]")

    async def _execute(self) -> None:
        headers = {"Accept": "application/x-ndjson", "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps(self.order.body).encode("utf-8")
        try:
            url = f"{self._base}/api/execute"
            response = await self.http.post(
                url, body, headers=headers, unbuffered=True, allow_redirects=False
            )
            if response.code != 200:
                raise NotRun(await self._refusal(response))
            await treq.collect(response, self._receive)
        except (NotRun, CancelledError):
            raise
        except Exception as error:  # treq's, Twisted's and OpenSSL's have no base of their own
            raise NotRun(f"{self.server}: {_why(error)}") from error
        if self._end is None:
            raise NotRun("The connection was lost before the program had ended.")

    @property
    def _base(self) -> str:
        return self.server.rstrip("/")

    def _receive(self, data: bytes) -> None:
        """A piece of the stream, which ends anywhere."""
        self._received += data
        if len(self._received) > LONGEST:
            raise NotRun("The server's answer has a line that is too long.")
        if b"\n" not in data:
            return
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            if line.strip():
                self._tell(_parsed(bytes(line)))

    def _tell(self, line: dict[str, Any]) -> None:
        match line:
            case {"type": "queued", "position": position}:
                self._state = f"waiting for a kernel, place {position}"
                self._tick()
            case {"type": "started", "kernel_id": str(kernel_id)}:
                self._kernel_id, self._state = kernel_id, "running"
                self._began = self.clock.seconds()
            case {"type": "output", "output": dict(output)}:
                self.terminal.output(output)
            case {"type": "refused", "message": message}:
                raise NotRun(str(message))
            case {"type": "end"}:
                self._end = line
                self._kernel_id = str(line.get("kernel_id") or self._kernel_id)

    # --- the end

    def _status(self) -> int:
        """The exit status, which follows the program's."""
        end = self._end or {}
        match end.get("status"), end.get("error"):
            case "ok", _:
                return 0
            case "error", {"name": "SystemExit", "message": str(message)}:
                return _exit_status(message)
            case "error", _:
                return 1
        cause = end.get("cause")
        if isinstance(cause, dict):
            self.terminal.say(str(cause.get("message")))
        return LATE if end.get("status") == "timeout" else DIED

    async def _save_files(self) -> bool:
        """Save the program's files; returns whether all were."""
        files = (self._end or {}).get("files")
        if self.directory is None or not isinstance(files, list):
            return True
        saved = True
        for each in files:
            name = each.get("name") if isinstance(each, dict) else None
            if not isinstance(name, str):
                continue
            self._state = f"saving {name}"
            try:
                await self._save(name, self.directory)
            except NotWritten as error:
                saved = False
                self.terminal.say(str(error))
            else:
                self.terminal.say(f"saved {self.directory.path / name}")
        return saved

    async def _save(self, name: str, directory: Directory) -> None:
        # Not by the URL that the server gave: it might be anywhere.
        kernel = quote(self._kernel_id, safe="", errors="replace")
        with directory.file(name) as file:
            try:
                url = f"{self._base}/kernel/{kernel}/files/{quote(name)}"
                response = await self.http.get(url, unbuffered=True, allow_redirects=False)
                if response.code != 200:
                    raise NotWritten(f"{name}: {await self._refusal(response)}")
                await treq.collect(response, file.write)
            except (NotWritten, OSError, CancelledError):
                raise
            except Exception as error:
                raise NotWritten(f"{name} was not received: {_why(error)}") from error

    async def _refusal(self, response: Any) -> str:
        """What a server says in a refusal; only the status if a proxy has answered instead.

        Redirects are not followed: they may lead to any address that this machine reaches.
        """
        if 300 <= response.code < 400:
            (to, *_) = response.headers.getRawHeaders("location", ["another address"])
            return f"The server is now at {to}"
        body = bytearray()

        def receive(data: bytes) -> None:
            body.extend(data[: _REFUSAL - len(body)])
            if len(body) == _REFUSAL:
                raise ValueError("too long")

        with suppress(ValueError):
            await treq.collect(response, receive)
        return _sentence(response.code, bytes(body))


def read_files(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """The names and contents of files to send; raises OSError.

    Each is PATH, which is sent with its last part as its name, or NAME=PATH.
    """
    files = []
    for each in paths:
        name, equals, path = each.partition("=")
        files.append((name if equals else Path(each).name, Path(path or each).read_bytes()))
    return files


def _exit_status(text: str) -> int:
    """The status of a program that called `sys.exit` with something else than 0."""
    try:
        return int(text[:20]) % 256 or 1
    except ValueError:
        return 1


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = parse_json(line, VALUES)
    except WireError as error:
        sentence = (
            "The server's answer is not JSON, or has too many values: is it a sagecell-tx server?"
        )
        raise NotRun(sentence) from error
    return value if isinstance(value, dict) else {}


def _sentence(status: int, body: bytes) -> str:
    try:
        message = parse_json(body).get("message")
    except (WireError, AttributeError):
        message = None
    return message if isinstance(message, str) else f"The server answered with status {status}."


def _why(error: Exception) -> str:
    """Why a request failed, as a sentence: Twisted's errors may contain a list of others."""
    reasons = getattr(error, "reasons", None)
    inner = reasons[0].value if reasons else error
    return str(inner) or type(inner).__name__
