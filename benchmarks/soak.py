"""``python -m benchmarks.soak``: many sessions of all kinds, and what they leave behind.

Visitors arrive without pause, run programs of all kinds (with ``--only``, of some) and leave in
all possible ways. From time to time the soak waits until all have left, and records the server's
descriptors, memory, processes and directories. There should be no more at
the end than at the beginning. The load is bounded in number and time, and uses only
loopback.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import websocket
from attrs import define, field, frozen

from benchmarks import processes
from benchmarks.client import Unexpected, WebSocketTalk, ask, call
from benchmarks.peers.sagecell import SagecellTx

#: Visitors at a time, and between two measurements.
CROWD = 8
STRETCH = 500

#: How long the last visitors' sessions may take to end, in seconds.
PATIENCE = 120.0

#: How long the first and the last measurement take, in seconds. Within a minute the server returns
#: free memory to the system, and ends the ready kernels that are no longer in demand.
REST = 62.0

#: Programs that strangers may send.
PROGRAMS = {
    "text": "for n in range(20): print(n, n ** 2)",
    "plot": "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()",
    "table": "import pandas as pd\npd.DataFrame({'n': range(50)}).describe()",
    "files": "for n in range(3): open(f'{n}.csv', 'w').write('a,b\\n' * 2000)",
    "an error": "def f(n):\n    return 1 / n\nf(0)",
    "much text": "print('0123456789' * 200_000)",
    "many displays": "for n in range(500): display(n)",
    "an endless loop": "while True: pass",
    "a deaf loop": "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass",
    "memory": "hoard = bytearray(4 << 30)",
    "children": "import subprocess\nfor _ in range(3): subprocess.Popen(['sleep', '1000'])",
    "a daemon": "import os\nif os.fork() == 0:\n    os.setsid()\n    os.execvp('sleep', ['sleep', '1000'])",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "an end": "import os\nos._exit(3)",
    "threads": "import threading\nfor _ in range(5): threading.Thread(target=print, args=('x',)).start()",
    "a full directory": "with open('big', 'wb') as file:\n    for _ in range(40): file.write(bytes(1 << 20))",
}

_ENDLESS = frozenset({"an endless loop", "a deaf loop"})


@frozen
class Belongings:
    """The resources of a server without visitors."""

    descriptors: int
    threads: int
    memory: float  # MB, resident, of the web process
    peak: float  # MB, since the start
    fork_servers: float  # MB, resident
    their_descriptors: int
    processes: int
    directories: int
    open_files: Counter[str]  # the web process's descriptors, by kind

    def __str__(self) -> str:
        return (
            f"{self.descriptors:>11}{self.threads:>9}{self.memory:>10.1f}{self.peak:>10.1f}"
            f"{self.fork_servers:>14.1f}{self.their_descriptors:>13}{self.processes:>11}"
            f"{self.directories:>13}"
        )


#: Tolerated growth in MB, and figures that must not grow.
_MEMORY = (("memory", 20.0), ("fork_servers", 10.0))
_COUNTS = ("descriptors", "threads", "their_descriptors", "processes", "directories")

#: The web process's threads with a full pool, which grows on demand and never shrinks:
#: the main one, ZMQ's two, and ten.
_THREADS = 13

#: Files that a connection to the database has open.
_DATABASE = ("/sagecell.db", "/sagecell.db-wal", "/sagecell.db-shm")

_TITLES = (
    f"{'sessions':>9}{'descriptors':>11}{'threads':>9}{'RSS, MB':>10}{'peak, MB':>10}"
    f"{'fork srv, MB':>14}{'their fds':>13}{'processes':>11}{'directories':>13}"
)


@define(eq=False)
class Soak:
    """One server under the load of many visitors. `luck` is the random source of their actions."""

    server: SagecellTx
    directory: Path
    luck: random.Random
    programs: Sequence[str]
    fates: Counter[str] = field(factory=Counter, init=False)

    def visit(self, seed: int) -> None:
        """One visitor, from arriving to leaving."""
        luck = random.Random(seed)
        name = luck.choice(self.programs)
        leave = luck.choice(_WAYS)
        try:
            talk = self.server.open()
        except (Unexpected, OSError) as error:
            self.fates[f"not started: {error}"] += 1
            return
        try:
            self.fates[leave(talk, name)] += 1
        except (Unexpected, OSError, websocket.WebSocketException) as error:
            # A kernel that ends closes the socket: some programs do that on purpose.
            self.fates[f"ended in {name}: {type(error).__name__}"] += 1
        finally:
            with suppress(Exception):
                talk.close()

    def look(self, rest: float = 0.0) -> Belongings:
        """Wait until all visitors have left, then measure; memory is the minimum in `rest` s."""
        deadline = time.monotonic() + PATIENCE
        while call("GET", f"{self.server.url}/status.json")["kernels"]["running"]:
            if time.monotonic() > deadline:
                raise Unexpected("sessions are left without visitors")
            time.sleep(0.05)
        self.server.await_ready_kernels()
        web = self.server.web_pid
        servers = processes.children([web])
        servers |= processes.watches(servers)
        memory = _resident(web)
        for _ in range(int(rest)):
            time.sleep(1)
            memory = min(memory, _resident(web))
        return Belongings(
            descriptors=_count(f"/proc/{web}/fd"),
            threads=_count(f"/proc/{web}/task"),
            memory=memory,
            peak=processes.peak(web) / 1e6,
            fork_servers=sum(map(_resident, servers)),
            their_descriptors=sum(_count(f"/proc/{pid}/fd") for pid in servers),
            processes=len(processes.trees([web])),
            directories=len(list((self.directory / "state" / "kernels").glob("k-*"))),
            open_files=_open_files(web),
        )


def _stay(talk: WebSocketTalk, name: str) -> str:
    """Wait for the end of the program; press Stop if there is none."""
    if name in _ENDLESS:
        return _stop(talk, name)
    for _ in ask(talk, PROGRAMS[name]):
        pass
    return "saw the end"


def _stop(talk: WebSocketTalk, name: str) -> str:
    talk.send(PROGRAMS[name])
    talk.receive()
    talk.close()
    return "stopped it"


def _drop(talk: WebSocketTalk, name: str) -> str:
    talk.send(PROGRAMS[name])
    talk.leave()
    return "dropped the line"


def _drop_in_the_middle(talk: WebSocketTalk, name: str) -> str:
    talk.send(PROGRAMS[name])
    for _ in range(2):  # the busy status and the execute_input
        talk.receive()
    talk.leave()
    return "dropped it in the middle"


def _say_nothing(talk: WebSocketTalk, name: str) -> str:
    return "came and went"


_WAYS: Sequence[Callable[[WebSocketTalk, str], str]] = (
    _stay,
    _stay,
    _stop,
    _drop,
    _drop_in_the_middle,
    _say_nothing,
)


def _count(directory: str) -> int:
    return len(os.listdir(directory))


def _open_files(pid: int) -> Counter[str]:
    """The kinds of a process's descriptors: their targets without numbers."""
    kinds: Counter[str] = Counter()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            kinds[re.sub(r"\d+", "#", os.readlink(descriptor))] += 1
    return kinds


def _resident(pid: int) -> float:
    with open(f"/proc/{pid}/statm", "rb") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Load, measure and print; the exit status is 1 if something grew."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    luck = random.Random(options.seed)
    begun = time.monotonic()
    seen: list[Belongings] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        server = SagecellTx(Path(name) / "sagecell")
        server.start()
        try:
            programs = options.only or list(PROGRAMS)
            soak = Soak(server, Path(name) / "sagecell", luck, programs)
            print(_TITLES)
            with ThreadPoolExecutor(CROWD) as visitors:
                for count in _stretches(options, begun):
                    seeds = [luck.getrandbits(64) for _ in range(count)]
                    list(visitors.map(soak.visit, seeds))
                    seen.append(soak.look(0 if seen else REST))
                    print(f"{soak.fates.total():>9}{seen[-1]}", flush=True)
            seen.append(soak.look(REST))
            print(f"{'at last':>9}{seen[-1]}", flush=True)
            _print_fates(soak, server, time.monotonic() - begun)
        finally:
            server.stop()
    return _judge(seen)


def _stretches(options: argparse.Namespace, begun: float) -> Iterator[int]:
    """The number of visitors before each measurement. The first stretch warms the server up."""
    if options.hours:
        while time.monotonic() - begun < options.hours * 3600:
            yield STRETCH
        return
    for done in itertools.count(0, STRETCH):
        if done >= options.sessions:
            return
        yield min(STRETCH, options.sessions - done)


def _print_fates(soak: Soak, server: SagecellTx, seconds: float) -> None:
    total = soak.fates.total()
    print(f"\n{total} sessions in {seconds:.0f} s, {total / seconds:.1f} a second")
    for fate, count in soak.fates.most_common():
        print(f"{count:>9} {fate}")
    ended = call("GET", f"{server.url}/status.json")["kernels"]["ended"]
    print("\nkernels ended:", ", ".join(f"{count} {reason}" for reason, count in ended.items()))


def _judge(seen: Sequence[Belongings]) -> int:
    """Print what has grown between the first and the last measurement, both at rest."""
    if len(seen) < 4:
        print("\nToo short to tell.")
        return 0
    first, last = seen[0], seen[-1]
    grown = [name for name, most in _MEMORY if getattr(last, name) - getattr(first, name) > most]
    grown += [name for name in _COUNTS if getattr(last, name) > getattr(first, name)]
    if last.threads <= _THREADS:
        # Each thread of the pool that has used the database keeps a connection.
        grown = [name for name in grown if name != "threads"]
        if all(kind.endswith(_DATABASE) for kind in last.open_files - first.open_files):
            grown = [name for name in grown if name != "descriptors"]
    if "descriptors" in grown:
        more = last.open_files - first.open_files
        print("\nmore descriptors:", ", ".join(f"{count} {kind}" for kind, count in more.items()))
    print(f"\n{'GREW: ' + ', '.join(grown) if grown else 'Flat.'}")
    return 1 if grown else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000, help="number of sessions [10,000]")
    parser.add_argument(
        "--hours", type=float, help="run for so many hours, instead of a number of sessions"
    )
    parser.add_argument(
        "--only", action="append", choices=PROGRAMS, help="these programs only; may be repeated"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the visitors' random actions [1]"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
