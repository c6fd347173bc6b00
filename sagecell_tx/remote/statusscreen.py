"""A server's status as one screen of text. What the server says is not trusted, and neither are its visitors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sagecell_tx.remote.escapes import one_line

#: Rows of each table.
MOST = 15

_UNITS = ("B", "kB", "MB", "GB", "TB")

#: The largest number that is shown. JSON may have infinity, and whole numbers that no float can hold.
_LARGEST = 10**15


def screen(fields: Mapping[str, Any]) -> Iterator[str]:
    """The lines for ``/status.json``, or for that of the admin page, which has more."""
    is_admin = isinstance(fields.get("status"), dict)
    status = _object(fields, "status") if is_admin else fields
    kernels = _object(status, "kernels")
    yield _head(fields, status)
    yield ""
    ready, limit = _number(kernels, "ready"), _number(kernels, "limit")
    yield f"kernels   {_number(kernels, 'running')} of {limit} running, {ready} ready"
    yield f"waiting   {_pairs(_object(status, 'queue')) or 'nobody'}"
    yield f"ended     {_pairs(_object(kernels, 'ended_lately')) or 'none'} in the last five minutes"
    yield f"          {_pairs(_object(kernels, 'ended')) or 'none'} since the start"
    yield f"refused   {_pairs(_object(status, 'refused')) or 'nobody'}"
    rejected = _pairs(_object(status, "messages_rejected"))
    if rejected:
        yield f"dropped   messages: {rejected}"
    if is_admin:
        yield from _machines(_objects(fields, "machines"))
        yield from _sites(_objects(fields, "sites"))
        yield from _sessions(fields)


def _head(fields: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    parts = [f"sagecell-tx {_text(status, 'version')}", f"sandbox {_text(status, 'sandbox')}"]
    if "uptime_seconds" in fields:
        parts.append(f"up {duration(_number(fields, 'uptime_seconds'))}")
    if status.get("starting") is True:
        parts.append("LOADING")
    if isinstance(status.get("draining"), dict):
        left = _number(_object(status, "draining"), "seconds_left")
        parts.append(f"DRAINING for {duration(left)}")
    return ", ".join(parts)


def _machines(machines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    yield f"{'machine':<20} {'state':<10} {'kernels':>7} {'load':>6} {'free memory':>12}"
    for each in machines[:MOST]:
        load = _known(each.get("load"))
        yield (
            f"{_text(each, 'name'):<20.20} {_text(each, 'state'):<10.10} {_number(each, 'kernels'):7.0f} "
            f"{'-' if load is None else load:>6} "
            f"{_size(each.get('memory_available_bytes')):>12}"
        )


def _sites(sites: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if sites:
        yield ""
        yield f"{'site':<48} {'begun':>8} {'now':>6}"
    for each in sites[:MOST]:
        begun, live = _number(each, "begun"), _number(each, "live")
        yield f"{_text(each, 'site'):<48.48} {begun:8.0f} {live:6.0f}"


def _sessions(fields: Mapping[str, Any]) -> Iterator[str]:
    sessions = sorted(_objects(fields, "sessions"), key=lambda each: -_number(each, "cpu_seconds"))
    if sessions:
        yield ""
        yield (
            f"{'kernel':<17} {'state':<10} {'age':>9} {'cpu':>8} {'memory':>8} {'waiting':>8}  from"
        )
    for each in sessions[:MOST]:
        origin = [_text(each, name) for name in ("key", "site", "address")]
        yield (
            f"{_text(each, 'kernel'):<17.17} {_text(each, 'state'):<10.10} "
            f"{duration(_number(each, 'age_seconds')):>9} "
            f"{_cpu(each):>8} "
            f"{_size(each.get('memory_bytes')):>8} {_size(each.get('waiting_bytes')):>8}  "
            f"{', '.join(filter(None, origin)) or 'this machine'}"
        )
    hidden = int(_number(fields, "sessions_total")) - min(len(sessions), MOST)
    if hidden > 0:
        yield f"and {hidden} more, which use less of the processor"


def _cpu(session: Mapping[str, Any]) -> str:
    seconds = _known(session.get("cpu_seconds"))
    return "-" if seconds is None else f"{seconds:.1f} s"


def duration(seconds: float) -> str:
    """A time in one or two units, such as "2 h 5 min"."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if minutes < 1:
        return f"{int(seconds)} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{days} d {hours % 24} h" if days else f"{hours} h {minutes % 60} min"


def _size(value: object) -> str:
    """Bytes in the largest unit of which there is at least one; a dash if they are not known."""
    known = _known(value)
    if known is None:
        return "-"
    unit, rest = 0, float(known)
    while rest >= 1000 and unit < len(_UNITS) - 1:
        unit, rest = unit + 1, rest / 1024
    return f"{rest:.1f} {_UNITS[unit]}" if 0 < rest < 10 and unit else f"{rest:.0f} {_UNITS[unit]}"


def _pairs(counts: Mapping[str, Any]) -> str:
    told = [
        f"{one_line(name[:60])} {number}"
        for name, number in list(counts.items())[:MOST]
        if isinstance(number, int) and _known(number)
    ]
    return ", ".join(told)


def _text(value: Mapping[str, Any], name: str) -> str:
    inner = value.get(name)
    return one_line(inner[:200]) if isinstance(inner, str) else ""


def _number(value: Mapping[str, Any], name: str) -> float:
    return _known(value.get(name)) or 0


def _known(value: object) -> float | None:
    """A number that can be shown; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) <= _LARGEST else None


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    inner = value.get(name)
    return [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []
