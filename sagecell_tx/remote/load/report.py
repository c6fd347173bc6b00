"""The end of a run in words."""

from __future__ import annotations

from collections.abc import Iterator

from sagecell_tx.remote.escapes import one_line
from sagecell_tx.remote.load.results import Results
from sagecell_tx.remote.load.run import LoadRun

_HEAD = f"{'program':<12} {'transport':<10} {'done':>7} {'failed':>7}"
_TIMES = f"{'p50':>8} {'p90':>8} {'p99':>8} {'longest':>8}"


def report(run: LoadRun) -> Iterator[str]:
    """The lines of the report."""
    yield f"{run.model.sentence}, for {run.seconds:.0f} s, at {run.visits.server}"
    if run.is_cut:
        yield "interrupted: what was acknowledged was not looked for"
    yield ""
    yield f"{_HEAD} {_TIMES}  (seconds)"
    for row in run.results.rows:
        times = f"{row.p50:8.3f} {row.p90:8.3f} {row.p99:8.3f} {row.longest:8.3f}"
        yield f"{row.program:<12} {row.transport:<10} {row.done:7} {row.failed:7} {times}"
    yield from _failures(run.results)
    yield from _lost(run)


def _failures(results: Results) -> Iterator[str]:
    yield ""
    yield f"failures: {results.failed or 'none'}"
    for (program, transport, kind), number in results.failures.most_common():
        yield f"{number:7}  {program} {transport}: {one_line(kind)}"
    yield from _sentences(results)


def _sentences(results: Results) -> Iterator[str]:
    if results.told:
        yield ""
        yield "what was said to them:"
    for kind, told in sorted(results.told.items()):
        yield f"         {one_line(kind)}: {one_line(told)}"


def _lost(run: LoadRun) -> Iterator[str]:
    kept = ", ".join(f"{number} {what}s" for what, number in run.results.kept.items()) or "nothing"
    yield ""
    yield f"acknowledged: {kept}"
    if not run.is_cut:
        yield f"lost of these: {run.results.lost.total() or 'none'}"
    for (what, why), number in run.results.lost.most_common():
        yield f"{number:7}  {what}: {one_line(why)}"
