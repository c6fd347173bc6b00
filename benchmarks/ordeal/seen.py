"""What visitors saw, and when: each answer and each failure has its moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from attrs import define, field, frozen
from typing_extensions import override

from benchmarks.ordeal.events import Happened
from sagecell_tx.remote.escapes import one_line
from sagecell_tx.remote.load.results import Results, percentile
from sagecell_tx.remote.load.visits import START, UPDATE

_HEAD = f"{'answers':>9}{'failed':>8}{'p50':>8}{'p99':>8}{'longest':>9}  (seconds)"


@frozen
class _Moment:
    """One thing that a visitor saw. `kind` is that of a failure."""

    at: float
    what: str
    kind: str
    waited: float


@define(kw_only=True)
class Seen(Results):
    """Results with their moments, in seconds since the first visitor."""

    now: Callable[[], float]
    _moments: list[_Moment] = field(factory=list, init=False)

    @override
    def part_took(self, part: str, transport: str, seconds: float) -> None:
        super().part_took(part, transport, seconds)
        if part not in (START, UPDATE):
            self._moments.append(_Moment(self.now(), part, "", seconds))

    @override
    def went_wrong(self, program: str, transport: str, kind: str, told: str = "") -> None:
        super().went_wrong(program, transport, kind, told)
        self._moments.append(_Moment(self.now(), program, kind, 0.0))

    def time_line(self, happened: Sequence[Happened]) -> Iterator[str]:
        """Each event, with what was seen from then until the next one."""
        yield f"{'time':>7}  {'event':<64}{_HEAD}"
        begun = Happened(at=0.0, what="visitors come", took=0.0)
        ends = [*(each.at for each in happened), float("inf")]
        for event, end in zip([begun, *happened], ends, strict=True):
            seen = [each for each in self._moments if event.at <= each.at < end]
            waits = sorted(each.waited for each in seen if not each.kind)
            failures = Counter(f"{each.what}: {each.kind}" for each in seen if each.kind)
            yield (
                f"{_clock(event.at):>7}  {event.sentence:<64}{len(waits):>9}{failures.total():>8}"
                f"{percentile(waits, 50):>8.2f}{percentile(waits, 99):>8.2f}"
                f"{percentile(waits, 100):>9.2f}"
            )
            for kind, number in failures.most_common():
                yield f"{number:>13}  {one_line(kind)}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"
