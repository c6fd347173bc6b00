"""How long visitors waited, what failed, and what is lost."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field, frozen

#: Kinds of failures whose sentences are kept.
MOST_SENTENCES = 100

#: The latest waits, of which the progress tells the median.
_RECENT = 500


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed; 0.0 if there are none."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else 0.0


@frozen(kw_only=True)
class Row:
    """The waits for one program over one transport, in seconds."""

    program: str
    transport: str
    done: int
    failed: int
    p50: float
    p90: float
    p99: float
    longest: float


@define
class Results:
    """Counts and waits, 8 bytes for each of these."""

    done: int = field(default=0, init=False)
    failed: int = field(default=0, init=False)
    failures: Counter[tuple[str, str, str]] = field(factory=Counter, init=False)
    told: dict[str, str] = field(factory=dict, init=False)  # by kind, the latest sentence
    kept: Counter[str] = field(factory=Counter, init=False)  # by what it is
    lost: Counter[tuple[str, str]] = field(factory=Counter, init=False)  # by what it is, and why
    _recent: deque[float] = field(factory=lambda: deque(maxlen=_RECENT), init=False)
    _waits: defaultdict[tuple[str, str], array[float]] = field(
        factory=lambda: defaultdict(lambda: array("d")), init=False
    )

    def took(self, program: str, transport: str, seconds: float) -> None:
        """A visitor got what a program gives."""
        self.done += 1
        self._recent.append(seconds)
        self.part_took(program, transport, seconds)

    def part_took(self, part: str, transport: str, seconds: float) -> None:
        """The same of what is no whole program."""
        self._waits[part, transport].append(seconds)

    def went_wrong(self, program: str, transport: str, kind: str, told: str = "") -> None:
        """A visitor did not get it, and was told a sentence, or nothing."""
        self.failed += 1
        self.failures[program, transport, kind] += 1
        if told and (kind in self.told or len(self.told) < MOST_SENTENCES):
            self.told[kind] = told

    @property
    def middle(self) -> float:
        """The median of the latest waits for whole programs, in seconds."""
        return percentile(sorted(self._recent), 50)

    @property
    def are_good(self) -> bool:
        """Whether something was done, nothing failed, and nothing is lost."""
        return self.done > 0 and not self.failed and not self.lost

    @property
    def rows(self) -> Iterator[Row]:
        """One for each program and transport, in order."""
        failed: Counter[tuple[str, str]] = Counter()
        for (program, transport, _), number in self.failures.items():
            failed[program, transport] += number
        for program, transport in sorted({*self._waits, *failed}):
            waits = sorted(self._waits.get((program, transport), ()))
            yield Row(
                program=program,
                transport=transport,
                done=len(waits),
                failed=failed[program, transport],
                p50=percentile(waits, 50),
                p90=percentile(waits, 90),
                p99=percentile(waits, 99),
                longest=percentile(waits, 100),
            )

    @property
    def fields(self) -> dict[str, Any]:
        """Everything, as a JSON object. Times are in seconds."""
        return {
            "done": self.done,
            "failed": self.failed,
            "rows": [
                {
                    "program": row.program,
                    "transport": row.transport,
                    "done": row.done,
                    "failed": row.failed,
                    "p50": round(row.p50, 4),
                    "p90": round(row.p90, 4),
                    "p99": round(row.p99, 4),
                    "longest": round(row.longest, 4),
                }
                for row in self.rows
            ],
            "failures": [
                {
                    "program": program,
                    "transport": transport,
                    "kind": kind,
                    "number": number,
                    "told": self.told.get(kind, ""),
                }
                for (program, transport, kind), number in self.failures.most_common()
            ],
            "kept": dict(self.kept),
            "lost": [
                {"what": what, "why": why, "number": number}
                for (what, why), number in self.lost.most_common()
            ],
        }
