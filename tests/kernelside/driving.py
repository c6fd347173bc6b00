"""Drives a real fork server over its socket and its pipe, and kernels with plain clients."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from array import array
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count, groupby
from pathlib import Path
from typing import Any

import attrs
import psutil
import zmq
from attrs import define, field
from jupyter_client.session import Session

from sagecell_tx.kernelside.startcommand import StartCommand
from tests.accounts import accounts_option
from tests.integration.waiting import until
from tests.kernelside.limits import roomy

PROGRAM = ("-m", "sagecell_tx.kernelside.forkserver")
PATIENCE = 60.0

#: For a fork server that loads its modules: those of Sage take a busy machine minutes.
LOADING = 300.0
LIMITS = roomy(
    cpu_seconds=600.0,
    open_files=1024,
    directory_bytes=256 << 20,
    file_bytes=64 << 20,
    session_bytes=256 << 20,
    session_files=500,
)
ACCOUNTS = accounts_option(1000)

#: See `Cell.give_time`.
GIVING_TIME = f"""
[
    setattr(module, name, {PATIENCE:.0f})
    for path, name in [
        ("completion.requests", "DEADLINE"),
        ("languages.kept", "GRACE"),
        ("sagemath.languages.interpreter", "GRACE"),
    ]
    for module in [__import__("sys").modules.get(f"sagecell_tx.kernelside.{{path}}")]
    if module
]
"""


@define(eq=False)
class Server:
    """A fork server.

    `user` is the account that it runs as, if not this process's, and `prefix` a command that
    changes to it; `python` is the interpreter and `program` are its arguments. Requests to its
    kernels have `metadata`, if they have none of their own.
    """

    base: Path
    preload: str = ""
    sandbox: str = "none"
    user: int | None = None
    prefix: list[str] = field(factory=list)
    program: list[str] = field(factory=lambda: [*PROGRAM])
    accounts: str = ACCOUNTS
    environment: dict[str, str] = field(factory=lambda: dict(os.environ))
    python: str = sys.executable
    metadata: dict[str, Any] = field(factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)
    ready: dict[str, Any] = field(init=False)
    _events: list[dict[str, Any]] = field(factory=list, init=False)
    _line: bytes = field(default=b"", init=False)
    _commands: socket.socket = field(init=False)
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)

    def __attrs_post_init__(self) -> None:
        self._commands, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(
            [
                *self.prefix,
                self.python,
                "-P",
                *self.program,
                "--preload",
                self.preload,
                *self.confinement,
            ],
            stdin=its_end.fileno(),
            stdout=subprocess.PIPE,
            cwd="/",
            env=self.environment,
        )
        its_end.close()
        self.ready = self.event("ready", patience=LOADING)

    @property
    def confinement(self) -> list[str]:
        """The arguments about the sandbox."""
        told = ["--sandbox", self.sandbox, "--kernels", str(self.base)]
        return [*told, "--accounts", self.accounts if self.user is None else "0:0"]

    def write(self, data: bytes, *descriptors: int) -> None:
        """Send one message, with descriptors."""
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
        self._commands.sendmsg([data], [rights] if descriptors else [])

    def tell(self, *descriptors: int, **command: object) -> None:
        self.write(json.dumps(command).encode(), *descriptors)

    def event(
        self, name: str, kernel_id: int | None = None, patience: float = PATIENCE
    ) -> dict[str, Any]:
        """Wait for the next event of that name, and of that kernel if one is given."""
        deadline = time.monotonic() + patience
        while True:
            for event in self._events:
                if event["event"] == name and kernel_id in (None, event.get("id")):
                    self._events.remove(event)
                    return event
            self._events.extend(self._read(deadline))

    @property
    def unread(self) -> list[dict[str, Any]]:
        """The events that `event` has not returned yet."""
        return self._events

    def _read(self, deadline: float) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        if not select.select([descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeoutError(self._events)
        data = os.read(descriptor, 65536)
        if not data:
            raise EOFError(self._events)
        *lines, self._line = (self._line + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def directory(self) -> Path:
        """Make a kernel's directory as the web process does."""
        directory = self.base / uuid.uuid4().hex[:8]
        for made in (directory, directory / "work", directory / "ipc"):
            made.mkdir(0o700)
            if self.user is not None:
                os.chown(made, self.user, self.user)
        return directory

    def start(self, **limits: float) -> Cell:
        """Start a kernel, and wait for its first message on iopub."""
        return self.begin(limits=limits).cell()

    def begin(
        self,
        directory: Path | None = None,
        *,
        secrets: bytes | None = None,
        argv: list[str] | None = None,
        env: Mapping[str, str] | None = None,
        proxy: bool = False,
        hosts: tuple[str, ...] = (),
        limits: Mapping[str, Any] | None = None,
        ahead: bool = False,
    ) -> Beginning:
        """Send a start command, with a new directory unless one is given.

        It is a kernel that nobody has asked for if it is started `ahead`. `secrets` replaces the
        bootstrap message. With `argv`, the kernel becomes that program, with
        the variables `env`.
        """
        directory, key = directory or self.directory(), uuid.uuid4().hex
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE)
        beginning = Beginning(self, next(self._numbers), directory, key, ours)
        with theirs:
            told: dict[str, Any] = {"dir": str(directory), "key": key}
            if argv is not None:
                told["program"] = {"argv": argv, "env": dict(env or {})}
            ours.send(json.dumps(told).encode() if secrets is None else secrets)
            descriptors = [theirs.fileno(), os.open(directory, os.O_RDONLY | os.O_DIRECTORY)]
            command = StartCommand(
                kernel_id=beginning.kernel_id,
                limits=attrs.evolve(LIMITS, **(limits or {})),
                proxy=proxy,
                hosts=hosts,
                ahead=ahead,
            )
            self.tell(*descriptors, **command.line)
            for descriptor in descriptors[1:]:
                os.close(descriptor)
        return beginning

    def number(self) -> int:
        """A number that no kernel has."""
        return next(self._numbers)

    def close(self) -> int:
        """Close the command socket and wait; returns the exit status."""
        assert self.process.stdout is not None
        self._commands.close()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return status


@define(eq=False)
class Beginning:
    """A kernel whose start command was sent. `said` reads its answer on the bootstrap socket."""

    server: Server
    kernel_id: int
    directory: Path
    key: str
    _bootstrap: socket.socket
    exited: dict[str, Any] = field(factory=dict, init=False)  # the event, after `printed`

    def said(self) -> bytes:
        """The kernel's answer on the bootstrap socket; empty if it ended without one."""
        with self._bootstrap:
            try:
                return self._bootstrap.recv(8192)
            except ConnectionResetError:
                return b""

    def log(self) -> ProgramLog:
        """What its program prints; the program is started, or about to be."""
        with self._bootstrap:
            word, descriptors, _, _ = socket.recv_fds(self._bootstrap, 8192, 1)
            assert word == b"place", word
        own = f"/proc/self/fd/{descriptors[0]}" if descriptors else f"{self.directory}/ipc"
        log = ProgramLog(os.open(f"{own}/log", os.O_RDONLY))
        for descriptor in descriptors:
            os.close(descriptor)
        return log

    def printed(self) -> str:
        """What its program has printed, when it has ended."""
        log = self.log()
        self.exited = self.server.event("exited", self.kernel_id)
        text = log.text
        log.close()
        return text

    def words(self) -> list[bytes]:
        """All that is said on the bootstrap socket, until it is closed."""
        words = []
        with self._bootstrap:
            while word := self._bootstrap.recv(8192):
                words.append(word)
        return words

    def abandon(self) -> None:
        """Close the bootstrap socket, perhaps before the kernel has read the message."""
        self._bootstrap.close()

    def cell(self) -> Cell:
        """The kernel, when it is up."""
        pid = self.event("started")["pid"]
        assert self.said() == b"bound"
        return Cell(self.server, self.kernel_id, self.directory, self.key, pid)

    def event(self, name: str) -> dict[str, Any]:
        """The fork server's next event of that name about this kernel."""
        return self.server.event(name, self.kernel_id)

    def failed(self) -> str:
        """The message of its failed event: it was not forked."""
        assert self.said() == b""
        message: str = self.event("failed")["message"]
        return message

    def ended(self) -> dict[str, Any]:
        """The exited event of a kernel that was never up."""
        assert self.said() != b"bound"
        return self.event("exited")


@define
class ProgramLog:
    """The file that a kernel's program prints to, by its descriptor."""

    _descriptor: int

    @property
    def text(self) -> str:
        """All that was printed so far."""
        return os.pread(self._descriptor, 1 << 20, 0).decode("utf-8")

    def until(self, text: str) -> None:
        """Wait until exactly this was printed."""
        until(lambda: self.text == text)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


@define
class Result:
    """The messages of one execution."""

    reply: dict[str, Any]
    #: As they arrived: text that was written slowly is in pieces.
    pieces: list[dict[str, Any]]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages, with adjacent pieces of text joined."""
        return joined(self.pieces)

    def of(self, msg_type: str) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] == msg_type]

    def text(self, name: str = "stdout") -> str:
        return "".join(content["text"] for content in self.of("stream") if content["name"] == name)


def joined(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join adjacent text messages of the same stream, request and block.

    A kernel sends slowly written text in several messages.
    """
    messages: list[dict[str, Any]] = []
    for kind, group in groupby(pieces, _stream):
        first, *others = group
        if kind is None:
            messages += [first, *others]
        else:
            text = "".join(piece["content"]["text"] for piece in (first, *others))
            messages.append({**first, "content": {**first["content"], "text": text}})
    return messages


def _stream(message: dict[str, Any]) -> tuple[object, ...] | None:
    """The key by which text is joined; None for other messages."""
    if message["msg_type"] != "stream":
        return None
    parent, name = message["parent_header"].get("msg_id"), message["content"]["name"]
    return parent, name, message["metadata"]


@define(eq=False)
class Cell:
    """A kernel and its client."""

    server: Server
    kernel_id: int
    directory: Path
    key: str
    pid: int
    context: zmq.Context[zmq.Socket[bytes]] = field(factory=zmq.Context, init=False)
    session: Session = field(init=False)
    shell: zmq.Socket[bytes] = field(init=False)
    control: zmq.Socket[bytes] = field(init=False)
    iopub: zmq.Socket[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.session = Session(key=self.key.encode())
        self.shell = self.connect(zmq.DEALER, 1)
        self.control = self.connect(zmq.DEALER, 4)
        self.iopub = self.connect(zmq.SUB, 2)
        self.iopub.setsockopt(zmq.SUBSCRIBE, b"")
        while self.message()["msg_type"] != "iopub_welcome":
            pass

    def connect(self, kind: int, port: int) -> zmq.Socket[bytes]:
        socket = self.context.socket(kind)
        socket.connect(f"ipc://{self.directory}/ipc/k-{port}")
        return socket

    @property
    def work(self) -> Path:
        return self.directory / "work"

    def receive(self, socket: zmq.Socket[bytes]) -> dict[str, Any]:
        if not socket.poll(int(PATIENCE * 1000)):
            raise TimeoutError
        _, message = self.session.recv(socket)
        assert message is not None
        return message

    def message(self) -> dict[str, Any]:
        """The next message on iopub."""
        return self.receive(self.iopub)

    def until_printed(self, text: str) -> None:
        """Wait until exactly this text has been printed since the last message that was read."""
        printed = ""
        while printed != text:
            content = self.message()["content"]
            printed += content.get("text", "")
            assert text.startswith(printed), printed

    def request(
        self,
        msg_type: str,
        on: zmq.Socket[bytes] | None = None,
        metadata: dict[str, Any] | None = None,
        **content: Any,
    ) -> str:
        """Send a request, by default on shell; returns its id."""
        message = self.session.send(on or self.shell, msg_type, content, metadata=metadata)
        assert message is not None
        msg_id: str = message["header"]["msg_id"]
        return msg_id

    def ask(self, msg_type: str, **content: Any) -> dict[str, Any]:
        """Send a request on shell; returns the content of its reply."""
        self.request(msg_type, **content)
        reply: dict[str, Any] = self.receive(self.shell)["content"]
        return reply

    def execute(self, code: str, **options: Any) -> str:
        options.setdefault("metadata", self.server.metadata)
        return self.request("execute_request", code=code, **options)

    def run(self, code: str, **options: Any) -> Result:
        """Execute code, and read all its messages."""
        return self.result(self.execute(code, **options))

    def result(self, request: str) -> Result:
        messages = []
        while True:
            message = self.message()
            if message["parent_header"].get("msg_id") != request:
                continue
            messages.append(message)
            if message["content"].get("execution_state") == "idle":
                break
        reply = self.receive(self.shell)
        assert reply["parent_header"]["msg_id"] == request
        return Result(reply["content"], messages)

    def value(self, code: str) -> str:
        """The text of an expression's result."""
        result = self.run(code)
        assert result.reply["status"] == "ok", "\n".join(result.reply["traceback"])
        text: str = result.of("execute_result")[0]["data"]["text/plain"]
        return text

    def give_time(self) -> None:
        """Give answers, and programs that are interrupted, as long as a test waits.

        The kernel's own deadlines are for people, who do not wait for a busy machine.
        """
        self.run(GIVING_TIME, silent=True, metadata={"language": "python"})

    def signal(self, name: str) -> None:
        self.server.tell(op="signal", id=self.kernel_id, signal=name)

    def stop(self) -> dict[str, Any]:
        """Kill the kernel; returns its exited event."""
        self.server.tell(op="stop", id=self.kernel_id)
        return self.exited()

    def exited(self) -> dict[str, Any]:
        event = self.server.event("exited", self.kernel_id)
        self.hang_up()
        return event

    def hang_up(self) -> None:
        self.context.destroy(linger=0)


def gone(pid: int) -> bool:
    """Whether a process ends in time: waits for its end, not for a fixed time."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], PATIENCE)[0])
    finally:
        os.close(descriptor)


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError, FileNotFoundError):  # it may end between the two
        os.kill(pid, 0)
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def until_asleep(pid: int) -> None:
    """Wait until a process does nothing more: who has said so may still have to fall asleep."""
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_SLEEPING)


def private(pid: int) -> int:
    """The bytes of memory that a process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
