"""``sagecell-tx drain``: a server ends when its sessions have."""

from __future__ import annotations

import argparse
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import sleep
from typing import Any

from attrs import frozen
from typing_extensions import override

from sagecell_tx.commands.failing import failed
from sagecell_tx.config import Config, ConfigError, load
from sagecell_tx.process.nodes import Nodes, keeper_of
from sagecell_tx.wire.messages import WireError, parse_json

#: Seconds in which a server answers, and between two looks at what is left.
_PATIENCE = 10
_LOOK = 0.5

#: Bytes of its answer.
_LONGEST = 64 * 1024

_DRAIN = """\
Tells a server of this machine to admit no new sessions, and to stop when its present sessions have
ended, at the latest after limits.lifetime.drain_seconds. Its users are told how much time they have left.
SIGHUP does the same; SIGTERM or a second SIGHUP stops the server at once.
"""


def add(commands: Any) -> None:
    """Add the command ``drain``."""
    drain = commands.add_parser(
        "drain", help="stop a server when its sessions have ended", description=_DRAIN
    )
    drain.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the server's settings file, needed if it names directories",
    )
    drain.add_argument(
        "--state-dir",
        metavar="DIRECTORY",
        type=Path,
        help="the server's state directory; by default var",
    )
    drain.add_argument(
        "--node",
        metavar="NUMBER",
        type=int,
        help="the number of the server, if several share the state directory",
    )
    drain.add_argument(
        "--no-wait", action="store_true", help="do not wait until the server has stopped"
    )
    drain.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        settings = load(options.config) if options.config is not None else {}
    except ConfigError as error:
        return failed(str(error))
    if options.state_dir is not None:
        settings["state_dir"] = options.state_dir
    if options.node is not None:
        settings["node"] = options.node
    settings["web_processes"] = 1  # a server is one, however many processes it has
    nodes = Config(**settings).nodes
    if not nodes.own and not _listens(nodes.keeper(0)):
        numbered = _numbered(nodes)
        if len(numbered) > 1:
            which = ", ".join(map(str, numbered))
            return failed(f"there are several servers; name one with --node: {which}")
        nodes = Nodes(nodes.root, *numbered)
    return _drain(nodes, waits=not options.no_wait)


def _numbered(nodes: Nodes) -> list[int]:
    """The servers with numbers that run; if none does, those that there were. Workers are none."""
    keepers = [each for each in nodes.keepers if _listens(nodes.keeper(each))]
    others = [each for each in nodes.all if keeper_of(each) not in keepers]
    listening = [each for each in others if _listens(nodes.control(each))]
    return sorted([*keepers, *listening]) or others


def _listens(path: Path) -> bool:
    """Whether anybody listens on a socket. A server that was killed has left its own."""
    with socket.socket(socket.AF_UNIX) as looking:
        looking.settimeout(_PATIENCE)
        try:
            looking.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:  # it is busy, or another account's
            return True
    return True


def _drain(nodes: Nodes, *, waits: bool) -> int:
    path = nodes.keeper(nodes.own)
    if not _listens(path):
        path = nodes.control(nodes.own)
    try:
        told = _ask(path, "POST", "/drain")
    except (FileNotFoundError, ConnectionRefusedError):
        return failed(f"no server is running in {nodes.directory(nodes.own)}")
    except (OSError, HTTPException, ValueError) as error:
        return failed(f"the server in {nodes.directory(nodes.own)} does not answer: {error}")
    if told.seconds_left is None:
        _tell(f"The server, process {told.pid}, is stopping already.")
    else:
        _tell(f"The server, process {told.pid}, admits no more sessions.")
        _tell(f"{_sessions(told.sessions)} left, and may go on for {told.seconds_left} seconds.")
    sessions = told.sessions
    while waits and _is_running(told.pid):
        sleep(_LOOK)
        try:
            now = _ask(path, "GET", "/")
        except (OSError, HTTPException, ValueError):
            continue  # it is about to end
        if now.sessions != sessions:
            sessions = now.sessions
            _tell(f"{_sessions(sessions)} left.")
    if waits:
        _tell("The server has ended.")
    return 0


def _sessions(count: int) -> str:
    return "1 session is" if count == 1 else f"{count or 'No'} sessions are"


def _is_running(pid: int) -> bool:
    """Whether a process runs. One that has ended has its number until its parent asks for its status."""
    try:
        # The name, in parentheses, may have any character.
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in (b"Z", b"X")


@frozen
class _Told:
    """What a server tells. `seconds_left` is None if it is not draining."""

    pid: int
    sessions: int
    seconds_left: int | None


class _ToSocket(HTTPConnection):
    """A connection to a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _ask(path: Path, method: str, target: str) -> _Told:
    """The answer of the server whose socket is at `path`. Raises OSError, HTTPException or ValueError."""
    connection = _ToSocket(path)
    try:
        connection.request(method, target, headers={"Connection": "close"})
        body = connection.getresponse().read(_LONGEST)
    finally:
        connection.close()
    match _parsed(body):
        case {"pid": int(pid), "sessions": int(sessions), "draining": None}:
            return _Told(pid, sessions, None)
        case {
            "pid": int(pid),
            "sessions": int(sessions),
            "draining": {"seconds_left": int(seconds_left)},
        }:
            return _Told(pid, sessions, seconds_left)
    raise ValueError(repr(body[:200]))


def _parsed(body: bytes) -> object:
    try:
        return parse_json(body)
    except WireError as error:
        raise ValueError(error.message) from error


def _tell(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201
