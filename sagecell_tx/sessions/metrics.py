"""Counts and times of what the server does, as plain numbers that are read when somebody asks.

Whoever does something counts it here, where that costs next to nothing. A `Measure` gives such
numbers a name; in which format they are read is no matter of this layer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from sagecell_tx.sessions.interfaces import StoreUnavailable
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, STDIN, Message

T = TypeVar("T")

#: Upper bounds in seconds: of starts of kernels, of answers of a store, and of the reactor's lag.
START_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
STORE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@define
class Histogram:
    """How often a value was at most each of `bounds`, which are in ascending order."""

    bounds: tuple[float, ...]
    total: float = field(default=0.0, init=False)  # the sum of all values
    _counts: list[int] = field(init=False)  # of each interval; the last has no upper bound

    def __attrs_post_init__(self) -> None:
        self._counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value, from 0 up."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def counts(self) -> list[int]:
        """How many values are in each interval; the last has no upper bound."""
        return list(self._counts)

    def add(self, counts: Sequence[int], total: float) -> None:
        """Count all that another one with the same bounds has counted."""
        self._counts = [own + other for own, other in zip(self._counts, counts, strict=True)]
        self.total += total

    @property
    def count(self) -> int:
        """The number of values."""
        return sum(self._counts)

    @property
    def cumulative(self) -> list[tuple[float, int]]:
        """Each bound, and how many values were not above it; infinity comes last."""
        found, below = [], 0
        for bound, count in zip((*self.bounds, float("inf")), self._counts, strict=True):
            below += count
            found.append((bound, below))
        return found


@define
class Tally:
    """A number of messages, and the bytes of all of them."""

    messages: int = 0
    size: int = 0


def _by_channel() -> dict[str, Tally]:
    return {channel: Tally() for channel in (SHELL, IOPUB, STDIN, CONTROL)}


@define
class Traffic:
    """The messages of all kernels that sessions have, by channel: of kernels, and of clients."""

    from_kernels: dict[str, Tally] = field(factory=_by_channel, init=False)
    to_kernels: dict[str, Tally] = field(factory=_by_channel, init=False)

    def received(self, message: Message) -> None:
        """Count a message of a kernel."""
        tally = self.from_kernels[message.channel]
        tally.messages += 1
        tally.size += message.size

    def sent(self, message: Message) -> None:
        """Count a message for a kernel."""
        tally = self.to_kernels[message.channel]
        tally.messages += 1
        tally.size += message.size


@define
class Latencies:
    """How long the `operations` of a store took, and how many failed with `StoreUnavailable`.

    `now` returns the time in seconds.
    """

    now: Callable[[], float] = lambda: 0.0
    operations: tuple[str, ...] = ()  # which are counted from the beginning
    bounds: tuple[float, ...] = STORE_SECONDS
    taken: dict[str, Histogram] = field(init=False)
    failed: Counter[str] = field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        self.taken = {operation: Histogram(self.bounds) for operation in self.operations}

    def timed(self, operation: str, answer: Deferred[T]) -> Deferred[T]:
        """Count an operation when `answer` fires, and its failure. One that is cancelled is not counted.

        Returns `answer`.
        """
        begun = self.now()

        def ended(result: T | Failure) -> T | Failure:
            if isinstance(result, Failure):
                if result.check(CancelledError):
                    return result
                self.failed[operation] += result.check(StoreUnavailable) is not None
            if operation not in self.taken:
                self.taken[operation] = Histogram(self.bounds)
            self.taken[operation].observe(max(0.0, self.now() - begun))
            return result

        answer.addBoth(ended)
        return answer


class Kind(Enum):
    """What a measure's numbers are."""

    COUNTER = "counter"  # only grows, from the server's start on
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@frozen(kw_only=True)
class Measure:
    """One quantity, with a number for each combination of its labels' values.

    The values of labels are of a fixed set, or of the operator's settings: never what a visitor or a
    kernel has sent. `about` is a sentence for operators.
    """

    name: str  # with its unit, as in "store_seconds"
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    values: Mapping[tuple[str, ...], float | Histogram]


#: Returns what there is to be read at present.
Source = Callable[[], Iterable[Measure]]


def gauge(name: str, about: str, value: float) -> Measure:
    """A gauge without labels."""
    return Measure(name=name, kind=Kind.GAUGE, about=about, values={(): value})


def gauges(name: str, about: str, label: str, values: Mapping[str, float]) -> Measure:
    """A gauge with one label."""
    return _labelled(Kind.GAUGE, name, about, label, values)


def counters(name: str, about: str, label: str, values: Mapping[str, float]) -> Measure:
    """A counter with one label."""
    return _labelled(Kind.COUNTER, name, about, label, values)


def histograms(name: str, about: str, label: str, values: Mapping[str, Histogram]) -> Measure:
    """A histogram with one label."""
    return _labelled(Kind.HISTOGRAM, name, about, label, values)


def _labelled(
    kind: Kind, name: str, about: str, label: str, values: Mapping[str, float | Histogram]
) -> Measure:
    by_label: dict[tuple[str, ...], float | Histogram] = {
        (value,): number for value, number in values.items()
    }
    return Measure(name=name, kind=kind, about=about, labels=(label,), values=by_label)
