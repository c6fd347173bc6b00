"""Many live kernels whose clients stay connected: what they cost, and how quickly one of them answers."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

from attrs import define, field, frozen

from benchmarks import processes
from benchmarks.attendant import Attendant
from benchmarks.client import Unexpected, WebSocketTalk, ask
from benchmarks.machine import memory_in_use
from benchmarks.peers.sagecell import SagecellTx
from benchmarks.processes import Memory

#: What each kernel runs first. Numpy is imported before the fork, so that this costs what using it costs.
CELL = (
    "import numpy as np\n"
    "m = np.random.rand(30, 30) + 30 * np.eye(30)\n"
    "print(np.allclose(np.linalg.inv(np.linalg.inv(m)), m), np.linalg.eigvals(m).shape)"
)
PRINTED = "True (30,)\n"

#: Threads that start kernels, each one at a time.
THREADS = 8

#: Evaluations that are timed, each on a kernel chosen at random. Of a cell that the kernel has not run yet, there are fewer
#: if there are fewer such kernels.
EVALUATIONS = 200

#: Kernels whose memory is looked at: to tell it, Linux goes through all pages of a process.
SAMPLE = 40

#: Seconds until everything has come to rest, and for which processor time is then measured.
REST = 5.0
WATCHED = 10.0


class TooFar(Exception):
    """The measurement has to end early; the text says why."""


@define
class Bounds:
    """Bounds of the measurement: bytes of memory that stay available, and when it ends, by the monotonic clock."""

    reserve: int
    end: float

    def check(self) -> None:
        """Raises `TooFar` outside of the bounds."""
        available = memory_in_use()["MemAvailable"]
        if available < self.reserve:
            raise TooFar(f"only {available / 1e9:.1f} GB of memory are available")
        if time.monotonic() > self.end:
            raise TooFar("it took too long")


@frozen(kw_only=True)
class Growth:
    """Starts of kernels, with their first cells: how many a second, and the processor time of each in seconds."""

    rate: float
    processor: Mapping[str, float]  # by the kind of process: web, fork servers, kernels


@frozen(kw_only=True)
class Costs:
    """What so many kernels cost. Bytes and numbers are for each kernel, processor time is a share of one processor."""

    kernels: int
    growth: Growth
    memory: Memory  # of some kernels, the mean
    machine: Mapping[str, float]  # by the names in /proc/meminfo
    web: float  # bytes that the web process shares with none
    descriptors: float  # of the web process
    threads: float  # of the kernels
    first_trips: Sequence[float]  # seconds of a cell that the kernel has not run before
    trips: Sequence[float]  # of the same cell in kernels that have run it before
    idle: Mapping[str, float]  # by the kind of process: web, fork servers, kernels

    @property
    def linux(self) -> float:
        """What Linux itself keeps, but for page tables."""
        return sum(self.machine.get(name, 0.0) for name in ("SUnreclaim", "KernelStack", "Percpu"))


@define(eq=False)
class Crowd:
    """The kernels of one server and their clients."""

    server: SagecellTx
    attendant: Attendant
    bounds: Bounds
    luck: random.Random
    talks: list[WebSocketTalk] = field(factory=list, init=False)
    _used: list[WebSocketTalk] = field(factory=list, init=False)
    _before: Mapping[str, int] = field(init=False)
    _web_before: int = field(init=False)
    _descriptors_before: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.server.await_ready_kernels()
        time.sleep(REST)  # until the spare fork server is loaded
        self._before = memory_in_use()
        self._web_before = processes.memory([self.server.web_pid]).own
        self._descriptors_before = processes.descriptors(self.server.web_pid)

    def grow(self, kernels: int) -> Growth:
        """Start kernels until there are so many."""
        more = kernels - len(self.talks)
        before, begun = self._spent(), time.perf_counter()
        with ThreadPoolExecutor(THREADS) as threads:
            for started in [threads.submit(self._arrive) for _ in range(more)]:
                started.result()
        taken, after = time.perf_counter() - begun, self._spent()
        return Growth(
            rate=more / taken,
            processor={kind: (after[kind] - before[kind]) / more for kind in after},
        )

    def _arrive(self) -> None:
        self.bounds.check()
        talk = self.server.open()
        self.talks.append(talk)
        run(talk)
        self.attendant.keep(talk)

    def measure(self, growth: Growth) -> Costs:
        """What all of them cost now; raises `Unexpected` if any has been lost."""
        time.sleep(REST)
        idle = self._idle()
        kernels = self.server.kernels()
        count = len(self.talks)
        if len(kernels) != count or self.attendant.lost:
            raise Unexpected(
                f"of {count} kernels {len(kernels)} are left; {self.attendant.lost} connections have ended"
            )
        web = self.server.web_pid
        sample = self.luck.sample(sorted(kernels), min(SAMPLE, count))
        memory = processes.memory(sample)
        in_use = memory_in_use()
        return Costs(
            kernels=count,
            growth=growth,
            memory=Memory(memory.proportional // len(sample), memory.own // len(sample)),
            machine={name: (in_use[name] - self._before[name]) / count for name in in_use},
            web=(processes.memory([web]).own - self._web_before) / count,
            descriptors=(processes.descriptors(web) - self._descriptors_before) / count,
            threads=sum(map(processes.threads, sample)) / len(sample),
            first_trips=[self._trip(talk) for talk in self._newcomers()],
            trips=[self._trip(self.luck.choice(self._used)) for _ in range(EVALUATIONS)],
            idle=idle,
        )

    def _idle(self) -> Mapping[str, float]:
        """Processor time while nobody does anything, by the kind of process."""
        before, begun = self._spent(), time.monotonic()
        time.sleep(WATCHED)
        taken, after = time.monotonic() - begun, self._spent()
        return {kind: (after[kind] - before[kind]) / taken for kind in after}

    def _spent(self) -> Mapping[str, float]:
        """Seconds of processor time until now, by the kind of process."""
        web, base = self.server.web_pid, self.server.base()
        kinds = {
            "web": {web},
            "fork servers": base,
            "kernels": processes.trees({web}) - base - {web},
        }
        return {kind: sum(map(processes.cpu_seconds, pids)) for kind, pids in kinds.items()}

    def _newcomers(self) -> Sequence[WebSocketTalk]:
        """Some kernels that have run `CELL` only; from now on they count as used."""
        newcomers = [talk for talk in self.talks if talk not in self._used]
        chosen = self.luck.sample(newcomers, min(EVALUATIONS, len(newcomers)))
        self._used += chosen
        return chosen

    def _trip(self, talk: WebSocketTalk) -> float:
        """The seconds of an evaluation."""
        self.attendant.take(talk)
        begun = time.perf_counter()
        run(talk, "print(1+1)", "2\n")
        taken = time.perf_counter() - begun
        self.attendant.keep(talk)
        return taken


def run(talk: WebSocketTalk, code: str = CELL, printed: str = PRINTED) -> None:
    """Run a cell; raises `Unexpected` if it does not print that."""
    came = "".join(
        message["content"]["text"]
        for message in ask(talk, code)
        if message["header"]["msg_type"] == "stream"
    )
    if came != printed:
        raise Unexpected(f"{code!r} printed {came!r}")


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile of some values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
