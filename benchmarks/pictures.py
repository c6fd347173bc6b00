"""Figures of a run as bar charts: SVG files that follow the reader's light or dark scheme."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from attrs import asdict, frozen
from matplotlib import pyplot

from benchmarks import machine
from benchmarks.effort import Effort
from benchmarks.peers import SAGECELL
from benchmarks.table import ROWS, Medians, figure


@frozen
class Picture:
    """A chart: the rows that it shows, all of one unit, each with a bar for each peer that has a figure.

    `better` tells which bars are good ones.
    """

    name: str
    title: str
    rows: Sequence[str]
    better: str


PICTURES = (
    Picture("first-result", "Time to the first result", ("first", "first-forked"), "shorter"),
    Picture("crowd", "A class presses Evaluate", ("crowd", "crowd-p50"), "shorter"),
    Picture("messages", "Displays that reach the client", ("displays",), "longer"),
    Picture("memory", "Memory of a kernel", ("pss", "uss"), "shorter"),
)

#: The colours that matplotlib draws with, by day, and those in their place by night.
_INK, _FAINT, _OURS, _OTHERS = "#1b1f24", "#6e7781", "#0b6e4f", "#b6bfc8"
_NIGHT = {_INK: "#e6edf3", _FAINT: "#9198a1", _OURS: "#3fb68b", _OTHERS: "#4d5662"}

_SETTINGS = {
    "svg.fonttype": "none",  # texts stay texts
    "svg.hashsalt": "sagecell-tx",  # the same figures are the same file
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],  # of about the same width
    "font.size": 11,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "ytick.color": _INK,
}


def draw(values: Medians, effort: Effort, directory: Path) -> list[Path]:
    """Write a file for each picture of which something was measured; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for picture in PICTURES:
        measured = [key for key in picture.rows if values.get(key)]
        if measured:
            path = directory / f"{picture.name}.svg"
            path.write_text(_svg(picture, measured, values, effort), "utf-8")
            written.append(path)
    return written


def _svg(picture: Picture, keys: Sequence[str], values: Medians, effort: Effort) -> str:
    rows = {row.key: row for row in ROWS}
    groups = {key: _sorted(values[key]) for key in keys}
    count = sum(map(len, groups.values()))
    with pyplot.rc_context(_SETTINGS):
        chart, axes = pyplot.subplots(figsize=(7.6, 1.1 + 0.3 * count + 0.45 * len(groups)))
        at, ticks = 0.0, {}
        longest = max(max(peers.values()) for peers in groups.values())
        for key, peers in groups.items():
            label = rows[key].label.format(**asdict(effort))
            axes.text(0, at, label, va="center", fontweight="bold", fontsize=10.5)
            at += 1
            for peer, value in peers.items():
                axes.barh(at, value, height=0.72, color=_OURS if peer == SAGECELL else _OTHERS)
                axes.text(
                    value + longest / 100, at, f"{figure(value)} {rows[key].unit}", va="center"
                )
                ticks[at] = peer
                at += 1
            at += 0.4
        axes.set_yticks(list(ticks), list(ticks.values()))
        axes.set_xlim(0, longest * 1.18)
        axes.set_ylim(at - 0.4, -0.8)  # the first on top
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(
            f"{picture.title} ({picture.better} is better)", loc="left", fontweight="bold", pad=12
        )
        chart.text(0.01, 0.01, _machine(), color=_FAINT, fontsize=8.5)
        chart.tight_layout(rect=(0, 0.05, 1, 1))
        file = io.StringIO()
        chart.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        pyplot.close(chart)
    return _for_both_schemes(file.getvalue(), picture.title)


def _sorted(peers: Mapping[str, float]) -> dict[str, float]:
    """Ours first, the others by their figures."""
    return dict(sorted(peers.items(), key=lambda item: (item[0] != SAGECELL, item[1])))


def _machine() -> str:
    described, system = list(machine.describe())[:2]
    return f"{described}; {system.partition(', load')[0]}; {date.today().isoformat()}"


def _for_both_schemes(svg: str, title: str) -> str:
    """With a title for who does not see it, and other colours where the reader prefers dark pages."""
    rules = "".join(
        f'[style*="fill: {day}"] {{ fill: {night} !important }} ' for day, night in _NIGHT.items()
    )
    style = f"<style>@media (prefers-color-scheme: dark) {{ {rules}}}</style>"
    opened = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:opened]}\n <title>{title}</title>\n {style}{svg[opened:]}"
