"""A thousand clients that listen to a few kernels, and how late the reactor is while many programs compute."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle

from attrs import frozen

from benchmarks import processes
from benchmarks.attendant import Attendant
from benchmarks.client import Unexpected, WebSocketTalk
from benchmarks.manykernels import Bounds, run
from benchmarks.peers.sagecell import SagecellTx

SETTINGS = """\
[limits.admission]
kernels = 100
starts = { burst = 0, per_minute = 0 }
[limits.messages]
listeners = 0
"""

#: The kernels that the idle clients listen to.
KERNELS = 4

#: Sessions that compute. Half of them print meanwhile.
COMPUTING = 20
COMPUTE = """\
import time
end, shown = time.monotonic() + {seconds}, time.monotonic()
while time.monotonic() < end:
    sum(n * n for n in range(10_000))
    if {prints} and time.monotonic() > shown + 0.1:
        print("still computing")
        shown = time.monotonic()
"""

#: Seconds until everything has come to rest, for which processor time is then measured, for which programs
#: compute, and until all of them have begun.
REST = 5.0
WATCHED = 26.0
SECONDS = 25.0
BEGUN = 5.0

#: Pings, seconds between two of them, and clients that send them in turn: a client's pings are answered at a bounded rate.
PINGS = 500
PAUSE = 0.02
PINGING = 100


@frozen(kw_only=True)
class Lag:
    """Seconds from a ping until its answer: of the server, and of a process that does nothing but to echo."""

    pings: Sequence[float]
    echoes: Sequence[float]


@frozen(kw_only=True)
class IdleCosts:
    """What one idle client costs the web process: bytes that it shares with none, and processor time as a share."""

    clients: int
    memory: float
    processor: float
    at_rest: Lag
    computing: Lag
    web: float  # the web process's share of a processor meanwhile
    programs: float  # that of the programs which compute


def idle_clients(server: SagecellTx, count: int, bounds: Bounds) -> IdleCosts:
    """Connect so many clients to a few kernels of a server, and measure."""
    web = server.web_pid
    with ExitStack() as stack:
        attendant = stack.enter_context(closing(Attendant()))
        owners = [stack.enter_context(closing(server.open())) for _ in range(KERNELS)]
        for owner in owners:
            run(owner)
            attendant.keep(owner)
        # What the first clients need once is not counted.
        clients = [_listener(owner.url) for owner in owners]
        time.sleep(REST)
        before, descriptors = processes.memory([web]).own, processes.descriptors(web)
        for number in range(count):
            bounds.check()
            client = _listener(owners[number % KERNELS].url)
            clients.append(client)
            attendant.keep(client)
        time.sleep(REST)
        memory = (processes.memory([web]).own - before) / count
        if processes.descriptors(web) - descriptors < count:
            raise Unexpected("some clients are not connected")
        spent, begun = processes.cpu_seconds(web), time.monotonic()
        time.sleep(WATCHED)
        processor = (processes.cpu_seconds(web) - spent) / (time.monotonic() - begun)
        pinging = clients[-PINGING:]
        for client in pinging:
            attendant.take(client)
        at_rest = _lag(pinging)
        for number in range(COMPUTING):
            computing = stack.enter_context(closing(server.open()))
            computing.send(COMPUTE.format(seconds=SECONDS, prints=bool(number % 2)))
            attendant.keep(computing)
        time.sleep(BEGUN)
        spent, begun = processes.cpu_seconds(web), time.monotonic()
        kernels = server.kernels()
        worked = sum(map(processes.cpu_seconds, kernels))
        busy = _lag(pinging)
        taken = time.monotonic() - begun
        share = (processes.cpu_seconds(web) - spent) / taken
        programs = (sum(map(processes.cpu_seconds, kernels)) - worked) / taken
        lost = attendant.lost
        for client in clients:
            client.leave()
    if lost:
        raise Unexpected(f"{lost} connections have ended")
    return IdleCosts(
        clients=count,
        memory=memory,
        processor=processor,
        at_rest=at_rest,
        computing=busy,
        web=share,
        programs=programs,
    )


def _listener(url: str) -> WebSocketTalk:
    """A client that listens to a kernel that another one has started."""
    return WebSocketTalk(url, end=lambda: None)


def _lag(pinging: Sequence[WebSocketTalk]) -> Lag:
    pings, echoes = [], []
    with _echo() as echo:
        for client, _ in zip(cycle(pinging), range(PINGS), strict=False):
            pings.append(_seconds(client.ping))
            time.sleep(PAUSE / 2)
            echoes.append(_seconds(echo))
            time.sleep(PAUSE / 2)
    return Lag(pings=pings, echoes=echoes)


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


@contextmanager
def _echo() -> Iterator[Callable[[], object]]:
    """A round trip to another process that does nothing else."""
    ours, theirs = socket.socketpair()
    process = multiprocessing.get_context("fork").Process(
        target=_echo_all, args=(ours, theirs), daemon=True
    )
    process.start()
    theirs.close()

    def trip() -> None:
        ours.send(b"x")
        ours.recv(1)

    with ours:
        yield trip
    process.join()


def _echo_all(ours: socket.socket, theirs: socket.socket) -> None:
    ours.close()
    while data := theirs.recv(1):
        theirs.send(data)
