"""The measures: each function takes a peer and returns figures by row."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager

from attrs import frozen

from benchmarks import processes
from benchmarks.bursts import bursting
from benchmarks.client import Message, Talk, Unexpected, WebSocketTalk, add, ask, shown
from benchmarks.crowds import gather
from benchmarks.effort import Effort, Figures
from benchmarks.idling import idle
from benchmarks.peers import (
    FORKED,
    JUPYTER,
    PLAIN,
    SAGECELL,
    STOCK,
    Peer,
    has_web_server,
    keeps_kernels_ready,
)

_ALL = (SAGECELL, JUPYTER, PLAIN, FORKED)

#: Cells that a kernel runs before round trips are timed.
WARMING = 20

_MILLION = 1_000_000
_LINE = "x" * 99
_LINES = 10 * _MILLION // (len(_LINE) + 1)


@frozen(kw_only=True)
class Measure:
    """One measure. Each of `peers` has `turns` turns."""

    name: str
    take: Callable[[Peer, Effort], Figures]
    turns: int
    peers: Collection[str] = _ALL


def first_result(peer: Peer, effort: Effort) -> Figures:
    """From the request for a kernel to the result of its first cell, for a single visitor."""
    times = []
    for _ in range(effort.starts):
        if keeps_kernels_ready(peer):
            peer.await_ready_kernels()
        times.append(_first(peer))
    return {"first": times}


def first_result_forked(peer: Peer, effort: Effort) -> Figures:
    """The same from a server that keeps no kernel ready: each visitor waits for a fork."""
    assert keeps_kernels_ready(peer)
    with peer.without_ready_kernels() as forking:
        _first(forking)
        return {"first-forked": [_first(forking) for _ in range(3 * effort.starts)]}


def _first(peer: Peer) -> float:
    begun = time.perf_counter()
    with closing(peer.open()) as talk:
        add(talk)
        return time.perf_counter() - begun


def round_trip(peer: Peer, effort: Effort) -> Figures:
    """A cell on a kernel that has run some cells: the time, and the web server's CPU."""
    with closing(peer.open()) as talk:
        if not has_web_server(peer):
            return {"trip": _trips(talk, effort.trips)}
        before = processes.cpu_seconds(peer.web_pid)
        times = _trips(talk, effort.trips)
        spent = processes.cpu_seconds(peer.web_pid) - before
        return {"trip": times, "trip-cpu": [spent / (effort.trips + WARMING)]}


def round_trip_with_quick_acks(peer: Peer, effort: Effort) -> Figures:
    """The same for a client that acknowledges at once, so that Nagle's algorithm does not wait."""
    with closing(peer.open()) as talk:
        assert isinstance(talk, WebSocketTalk)
        talk.quick_ack = True
        return {"trip-quick": _trips(talk, effort.trips)}


def _trips(talk: Talk, count: int) -> list[float]:
    for _ in range(WARMING):
        add(talk)
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        add(talk)
        times.append(time.perf_counter() - begun)
    return times


def displays(peer: Peer, effort: Effort) -> Figures:
    """A cell that displays without pause: messages a second, and server CPU for each."""
    with closing(peer.open()) as talk:
        shown(talk, 200)
        if not has_web_server(peer):
            return {"displays": [effort.displays / _seconds(lambda: shown(talk, effort.displays))]}
        before = processes.cpu_seconds(peer.web_pid)
        taken = _seconds(lambda: shown(talk, effort.displays))
        spent = processes.cpu_seconds(peer.web_pid) - before
        return {"displays": [effort.displays / taken], "cpu": [spent / effort.displays]}


def beside_a_burst(peer: Peer, effort: Effort) -> Figures:
    """A cell of one session while another one displays without pause, to a fast reader."""
    with closing(peer.open()) as quiet, closing(peer.open()) as loud:
        assert isinstance(loud, WebSocketTalk)
        _trips(quiet, 0)  # warms it up
        times: list[float] = []
        with bursting(loud, effort.burst) as goes_on:
            while goes_on():
                times.append(_seconds(lambda: add(quiet)))
        if len(times) < 2:
            raise Unexpected("the burst was over before anybody else had a result")
        during = times[:-1]  # the last one may have begun after the burst
        return {"beside": [max(during)], "beside-p50": during}


def large_output(peer: Peer, effort: Effort) -> Figures:
    """Ten million characters: printed at once, and in lines of a hundred."""
    at_once = f"print(('{_LINE}' + chr(10)) * {_LINES}, end='')"
    in_lines = f"for _ in range({_LINES}): print('{_LINE}')"
    with closing(peer.open()) as talk:
        add(talk)
        return {
            "print": [_seconds(lambda: _printed(talk, at_once))],
            "lines": [_seconds(lambda: _printed(talk, in_lines))],
        }


def _printed(talk: Talk, cell: str) -> None:
    text = "".join(_streamed(ask(talk, cell)))
    if text != (_LINE + "\n") * _LINES:
        raise Unexpected(f"{len(text)} characters arrived, or not in order")


def _streamed(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        if message["header"]["msg_type"] == "stream":
            yield message["content"]["text"]


def memory(peer: Peer, effort: Effort) -> Figures:
    """Several kernels that have run one cell each, all running: bytes for each."""
    with _all_open(peer, effort.kernels):
        roots = peer.kernels()
        if len(roots) != effort.kernels:
            raise Unexpected(f"{len(roots)} kernel processes instead of {effort.kernels}")
        kernels = processes.memory(processes.trees(roots))
        base = processes.memory(peer.base())
    total = kernels.proportional + base.proportional
    return {
        "pss": [kernels.proportional / effort.kernels],
        "uss": [kernels.own / effort.kernels],
        "pss-base": [total / effort.kernels],
    }


@contextmanager
def _all_open(peer: Peer, count: int) -> Iterator[None]:
    talks: list[Talk] = []
    try:
        for _ in range(count):
            talks.append(peer.open())
            add(talks[-1])
        yield
    finally:
        for talk in talks:
            talk.close()


def at_once(peer: Peer, effort: Effort) -> Figures:
    """Many clients that request a kernel at the same moment: the time until the last result, and their median.

    Failed clients are counted and do not lengthen the time. Also the memory of each of these
    kernels: more of them share pages.
    """
    crowd = gather(peer, effort.sessions)
    return {
        "crowd": [crowd.last],
        "crowd-p50": [crowd.median],
        "crowd-failed": [crowd.failed],
        "pss-crowd": [crowd.memory],
    }


def many_at_once(peer: Peer, effort: Effort) -> Figures:
    """The same for more clients than a machine should have to serve at one moment."""
    crowd = gather(peer, effort.many_sessions)
    return {"many": [crowd.last], "many-p50": [crowd.median], "many-failed": [crowd.failed]}


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


_WEB = (SAGECELL, JUPYTER)

MEASURES = (
    Measure(name="first-result", take=first_result, turns=3),
    Measure(name="first-forked", take=first_result_forked, turns=1, peers=(SAGECELL,)),
    Measure(name="round-trip", take=round_trip, turns=3),
    Measure(name="quick-acks", take=round_trip_with_quick_acks, turns=2, peers=_WEB),
    Measure(name="displays", take=displays, turns=3, peers=(*_ALL, STOCK)),
    Measure(name="large-output", take=large_output, turns=3),
    Measure(name="memory", take=memory, turns=1),
    Measure(name="beside", take=beside_a_burst, turns=1, peers=_WEB),
    Measure(name="at-once", take=at_once, turns=2),
    Measure(name="many-at-once", take=many_at_once, turns=1, peers=(SAGECELL,)),
    Measure(name="idle", take=idle, turns=1, peers=(SAGECELL,)),
)
