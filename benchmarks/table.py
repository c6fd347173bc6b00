"""The printed table: rows by measure, columns by peer, ratios, and the targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median

from attrs import asdict, frozen

from benchmarks.effort import Effort
from benchmarks.peers import BEFORE, FORKED, JUPYTER, PLAIN, SAGECELL, STOCK

#: Medians by row and peer. Missing ones were not measured, or failed.
Medians = Mapping[str, Mapping[str, float]]


@frozen
class Row:
    """A row. `scale` converts seconds, bytes and so on to `unit`; `over` combines figures."""

    key: str
    label: str
    unit: str
    scale: float = 1.0
    over: Callable[[Sequence[float]], float] = median


#: From seconds and bytes to the units of rows.
MILLI, MICRO, MEGA = 1e3, 1e6, 1e-6

ROWS = (
    Row("first", "time to first result, p50", "ms", MILLI),
    Row("first-forked", "time to first result, none ready, p50", "ms", MILLI),
    Row("trip", "warm round trip, p50", "ms", MILLI),
    Row("trip-quick", "warm round trip, ACKs at once, p50", "ms", MILLI),
    Row("trip-cpu", "server CPU for a round trip", "us", MICRO),
    Row("displays", "display messages", "per s"),
    Row("cpu", "server CPU for an iopub message", "us", MICRO),
    Row("beside", "1+1 beside {burst:,} displays, longest", "ms", MILLI, max),
    Row("beside-p50", "1+1 beside {burst:,} displays, p50", "ms", MILLI),
    Row("print", "10 MB output, one print", "s"),
    Row("lines", "10 MB output, 100,000 lines", "s"),
    Row("pss", "memory a kernel, PSS, {kernels} alive", "MB", MEGA),
    Row("uss", "memory a kernel, shared with none (USS)", "MB", MEGA),
    Row("pss-base", "memory a kernel, PSS, fork servers shared out", "MB", MEGA),
    Row("pss-crowd", "memory a kernel, PSS, {sessions} alive", "MB", MEGA),
    Row("crowd", "{sessions} sessions at once, last result", "s"),
    Row("crowd-p50", "{sessions} sessions at once, p50", "s"),
    Row("crowd-failed", "{sessions} sessions at once, failed", "", over=sum),
    Row("many", "{many_sessions} sessions at once, last result", "s"),
    Row("many-p50", "{many_sessions} sessions at once, p50", "s"),
    Row("many-failed", "{many_sessions} sessions at once, failed", "", over=sum),
    Row("idle", "CPU of {idle_kernels} idle kernels and their server", "%", 100.0),
    Row("descriptors", "file descriptors a kernel, web process", ""),
)


@frozen(kw_only=True)
class Bar:
    """A promise about a peer of ours: a row, its limit, and whether higher is better.

    The limit is a multiple of the figure of the peer `against`, in the row `of` if that is given, or, without one, a figure
    in the row's unit. With `more`, it is in that unit as well, and how much more than the figure of `against`.
    """

    row: str
    limit: float
    against: str = ""
    of: str = ""
    higher: bool = False
    more: bool = False


#: Targets that a release must meet.
BARS = (
    Bar(row="first", limit=0.25, against=JUPYTER),
    Bar(row="trip", limit=1.2, against=PLAIN),
    Bar(row="displays", limit=0.9, against=PLAIN, higher=True),
    Bar(row="pss", limit=0.5, against=JUPYTER),
    Bar(row="pss-crowd", limit=0.5, against=JUPYTER),
)

#: Targets of later releases.
AIMS = (
    Bar(row="first", limit=15),
    Bar(row="first-forked", limit=60),
    Bar(row="trip", limit=1.1, against=PLAIN),
    Bar(row="trip", limit=1.1, against=FORKED),
    Bar(row="crowd", limit=0.2, against=JUPYTER),
    Bar(row="crowd-failed", limit=0),
    Bar(row="many-failed", limit=0),
    Bar(row="beside", limit=100),
    Bar(row="pss-crowd", limit=14),
    Bar(row="cpu", limit=60),
    Bar(row="displays", limit=1.5, against=STOCK, higher=True),
)


#: A twentieth is let pass: medians of five turns differ by some percent.
_LET_PASS = 1.05

#: What a faster release must reach beside the one before it.
AGAINST_BEFORE = (
    Bar(row="crowd-p50", limit=0.55 * _LET_PASS, against=SAGECELL, of="crowd"),
    Bar(row="many-p50", limit=0.55 * _LET_PASS, against=SAGECELL, of="many"),
    Bar(row="crowd", limit=_LET_PASS, against=BEFORE),
    Bar(row="many", limit=_LET_PASS, against=BEFORE),
    Bar(row="first", limit=0.7 * _LET_PASS, against=BEFORE),
    Bar(row="first-forked", limit=0.65 * _LET_PASS, against=BEFORE),
    Bar(row="cpu", limit=0.7 * _LET_PASS, against=BEFORE),
    Bar(row="trip", limit=0.9 * _LET_PASS, against=BEFORE),
    Bar(row="descriptors", limit=0.7 * _LET_PASS, against=BEFORE),
    Bar(row="idle", limit=0.4 * _LET_PASS, against=BEFORE),
    Bar(row="uss", limit=0.8 * _LET_PASS, against=BEFORE),
    Bar(row="displays", limit=1 / _LET_PASS, against=BEFORE, higher=True),
)


def medians(
    figures: Mapping[str, Mapping[str, Sequence[float]]], rows: Sequence[Row] = ROWS
) -> Medians:
    """One figure for each cell, in the row's unit: the median unless the row has another `over`."""
    by_key = {row.key: row for row in rows}
    return {
        key: {
            peer: by_key[key].over(values) * by_key[key].scale for peer, values in by_peer.items()
        }
        for key, by_peer in figures.items()
    }


def table(
    values: Medians,
    peers: Sequence[str],
    effort: Effort,
    *,
    rows: Sequence[Row] = ROWS,
    ours: str = SAGECELL,
) -> Iterator[str]:
    """The table's lines; the last columns have the peer `ours` as a multiple of each other peer."""
    others = [peer for peer in peers if peer != ours] if ours in peers else []
    labels = {row.key: _label(row, effort) for row in rows}
    width = max(map(len, labels.values()))
    columns = [*peers, *(f"/ {peer}" for peer in others)]
    yield " " * (width + 7) + _cells(columns)
    for row in rows:
        figures = values.get(row.key, {})
        if not figures:
            continue
        cells = [figure(figures.get(peer)) for peer in peers]
        cells += [_ratio(figures.get(ours), figures.get(other)) for other in others]
        line = f"{labels[row.key]:<{width}} {row.unit:<6}"
        yield line + _cells(cells)


def judgements(
    values: Medians,
    bars: Sequence[Bar],
    effort: Effort,
    *,
    rows: Sequence[Row] = ROWS,
    ours: str = SAGECELL,
) -> Iterator[str]:
    """A line for each target of the peer `ours` whose row was measured."""
    by_key = {row.key: row for row in rows}
    for bar in bars:
        if bar.row not in values:
            continue
        row = by_key[bar.row]
        our = values[bar.row].get(ours)
        of = bar.of or bar.row
        theirs = values.get(of, {}).get(bar.against) if bar.against else 1.0
        if our is None or theirs is None or (not bar.more and not theirs):
            reached = None
        else:
            reached = our - theirs if bar.more else our / theirs
        if reached is None:
            verdict = "unknown"
        else:
            holds = reached >= bar.limit if bar.higher else reached <= bar.limit
            verdict = "holds" if holds else "MISSED"
        limit = f"{'at least' if bar.higher else 'at most'} {bar.limit:g}"
        if bar.more:
            limit += f" {row.unit} more than {bar.against}"
        else:
            limit += f" times {bar.against}" if bar.against else f" {row.unit}"
        limit += f", {_label(by_key[bar.of], effort)}" if bar.of else ""
        yield f"{verdict:<8} {_label(row, effort)}: {figure(reached)}, {limit.rstrip()}"


def _cells(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>15}" for cell in cells)


def _label(row: Row, effort: Effort) -> str:
    return row.label.format(**asdict(effort))


def figure(value: float | None) -> str:
    """A value with about three significant digits."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}"


def _ratio(ours: float | None, theirs: float | None) -> str:
    return f"{ours / theirs:.2f}" if ours is not None and theirs else "-"
