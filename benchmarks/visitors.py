"""Ordinary visitors who send requests repeatedly, and their waits and failures."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from attrs import define, field

from benchmarks.client import PATIENCE, Unexpected, add, call, fetch
from benchmarks.peers.sagecell import SagecellTx

#: How long a visitor reads before the next request, in seconds.
PAUSE = 0.5

#: The content type of a form.
FORM = "application/x-www-form-urlencoded"


@define
class Noticed:
    """The visitors' results: seconds that each request took, and why requests failed."""

    waits: list[float] = field(factory=list)
    failures: list[str] = field(factory=list)

    @property
    def longest(self) -> float:
        """The longest wait, in seconds; `PATIENCE` if there was no answer at all."""
        return max(self.waits, default=PATIENCE)


def evaluate(server: SagecellTx, headers: dict[str, str]) -> None:
    """A cell of a page: a kernel, a WebSocket, a result."""
    talk = server.open(headers)
    try:
        add(talk)
    finally:
        talk.close()


def ask_service(server: SagecellTx, headers: dict[str, str]) -> None:
    """A program sent by a script."""
    body = urlencode({"code": "print(6*7)"}).encode("ascii")
    answer = call("POST", f"{server.url}/service", {**headers, "Content-Type": FORM}, body)
    if answer.get("stdout") != "42\n":
        raise Unexpected(f"/service answered {answer}")


def keep_link(server: SagecellTx, headers: dict[str, str]) -> None:
    """A permalink, made and read."""
    body = urlencode({"code": "1+1", "interacts": "[]"}).encode("ascii")
    link = call("POST", f"{server.url}/permalink", {**headers, "Content-Type": FORM}, body)
    found = call("GET", f"{server.url}/permalink?q={link['query']}", headers)
    if found[0] != "1+1":
        raise Unexpected(f"/permalink answered {found}")


def complete(server: SagecellTx, headers: dict[str, str]) -> None:
    """A completion, before the cell has a kernel."""
    header = {"msg_id": "1", "msg_type": "complete_request"}
    content = {"code": "impor", "cursor_pos": 5}
    body = json.dumps({"header": header, "content": content}).encode("ascii")
    sent = {**headers, "Content-Type": "application/json"}
    answer = call("POST", f"{server.url}/complete", sent, body)
    if "import" not in answer["content"].get("matches", []):
        raise Unexpected(f"/complete answered {answer}")


def read(server: SagecellTx, headers: dict[str, str]) -> None:
    """The page itself."""
    if b"<html" not in fetch("GET", f"{server.url}/", headers).lower():
        raise Unexpected("the page is not HTML")


REQUESTS: Sequence[Callable[[SagecellTx, dict[str, str]], None]] = (
    evaluate,
    ask_service,
    keep_link,
    complete,
    read,
)


@define(eq=False)
class Visitors:
    """Visitors, each with its own address in a trusted proxy's header.

    Each also has a page open, whose kernel runs for the whole time.
    """

    server: SagecellTx
    count: int
    noticed: Noticed = field(factory=Noticed, init=False)
    _done: threading.Event = field(factory=threading.Event, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)

    def start(self) -> None:
        """Start all visitors."""
        for number in range(self.count):
            thread = threading.Thread(target=self._visit, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self) -> Noticed:
        """Stop sending requests; returns when the last one was answered or has timed out."""
        self._done.set()
        for thread in self._threads:
            thread.join()
        return self.noticed

    def _visit(self, number: int) -> None:
        # Each also has its own network.
        headers = {"X-Forwarded-For": f"198.18.{number + 1}.1"}
        try:
            page = self.server.open(headers)
        except Exception as error:
            self.noticed.failures.append(f"a page: {error!r:.200}")
            return
        self._ask_again_and_again(number, headers)
        try:
            add(page)
            page.close()
        except Exception as error:
            self.noticed.failures.append(f"a page, at the end: {error!r:.200}")

    def _ask_again_and_again(self, turn: int, headers: dict[str, str]) -> None:
        while not self._done.wait(PAUSE):
            request = REQUESTS[turn % len(REQUESTS)]
            turn += 1
            begun = time.perf_counter()
            try:
                request(self.server, headers)
            except Exception as error:
                self.noticed.failures.append(f"{request.__name__}: {error!r:.200}")
            self.noticed.waits.append(time.perf_counter() - begun)
