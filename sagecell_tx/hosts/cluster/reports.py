"""What agents report about themselves, parsed as hostile: a machine may be taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from attrs import field, frozen

from sagecell_tx.hosts.cluster.connections.line import speaks_ours
from sagecell_tx.hosts.cluster.facts import PROTOCOL
from sagecell_tx.sessions.interfaces import Exit, Usage
from sagecell_tx.wire.messages import WireError

#: The most kernels that a machine can claim to take.
MOST_KERNELS = 100_000

#: The most kernels of which one message tells what they use, so that it is no longer than a line.
MOST_USAGES = 500

_WORDS = 100
_TEXT = 40
_LARGEST = 2**53


@frozen(kw_only=True)
class Hello:
    """How an agent greets: what it takes, which kernelspecs it has, and the secret for streams."""

    version: str
    capacity: int
    session: str
    specs: frozenset[str]

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> Hello:
        """Raises `WireError`, also for another version of the protocol."""
        if not speaks_ours(message):
            raise WireError(
                "wrong_protocol",
                f"It speaks version {str(message.get('protocol'))[:20]} of the protocol, and this "
                f"server version {PROTOCOL}; install the same sagecell-tx on both.",
            )
        return cls(
            version=_text(message, "version"),
            capacity=_count(message, "capacity", MOST_KERNELS),
            session=_text(message, "session", 128),
            specs=frozenset(_words(message, "specs")),
        )


@frozen(kw_only=True)
class MachineStatus:
    """An agent's status: as in `HostStatus`, and `others`, the kernels of other web processes.

    `memory` is free, in bytes; `load` is as in `KernelMachine`.
    """

    sandbox: str = "none"
    environment: str = ""
    languages: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(factory=dict)
    starting: bool = True
    features: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ()
    others: int = 0
    memory: int = 0
    load: float | None = None

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> MachineStatus:
        """Raises `WireError`."""
        versions = message.get("versions")
        if not isinstance(versions, dict) or len(versions) > _WORDS:
            raise WireError("invalid_report", "versions: expected an object.")
        return cls(
            sandbox=_text(message, "sandbox"),
            environment=_text(message, "environment"),
            languages=_words(message, "languages"),
            versions={key[:_TEXT]: str(value)[:_TEXT] for key, value in versions.items()},
            starting=message.get("starting") is not False,
            features=_words(message, "features"),
            unbounded=_words(message, "unbounded"),
            others=_count(message, "others", _LARGEST),
            memory=_count(message, "memory", _LARGEST),
            load=_load(message),
        )


def exit_of(message: Mapping[str, Any]) -> Exit:
    """How a kernel ended; raises `WireError`."""
    numbers = {name: message.get(name) for name in ("status", "signal")}
    for value in numbers.values():
        if value is not None and (type(value) is not int or not -_LARGEST < value < _LARGEST):
            raise WireError("invalid_report", "A kernel's end has an invalid number.")
    reason = message.get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > _TEXT):
        raise WireError("invalid_report", "A kernel's end has an invalid reason.")
    return Exit(status=numbers["status"], signal=numbers["signal"], reason=reason)


def usages_of(message: Mapping[str, Any]) -> tuple[dict[int, Usage], bool]:
    """What kernels use, by number, and whether no further message follows; raises `WireError`."""
    told, more = message.get("kernels"), message.get("more")
    if not isinstance(told, list) or len(told) > MOST_USAGES or not isinstance(more, bool):
        raise WireError("invalid_report", "kernels: expected a list of what they use.")
    found = {}
    for each in told:
        if not isinstance(each, list) or len(each) != 3 or type(each[0]) is not int:
            raise WireError("invalid_report", "kernels: expected a number and two figures.")
        number, seconds, memory = each
        if not (_is_figure(seconds) and _is_figure(memory)):
            raise WireError("invalid_report", "kernels: expected figures from 0 up.")
        found[number] = Usage(cpu_seconds=float(seconds), memory_bytes=int(memory))
    return found, not more


def _text(message: Mapping[str, Any], name: str, longest: int = _TEXT) -> str:
    value = message.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise WireError("invalid_report", f"{name}: expected a short text.")
    return value


def _words(message: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = message.get(name)
    if not isinstance(value, list) or len(value) > _WORDS:
        raise WireError("invalid_report", f"{name}: expected a list.")
    if not all(isinstance(word, str) and len(word) <= 100 for word in value):
        raise WireError("invalid_report", f"{name}: expected short texts.")
    return tuple(value)


def _load(message: Mapping[str, Any]) -> float:
    value = message.get("load")
    if not _is_figure(value):
        raise WireError("invalid_report", "load: expected a number from 0 up.")
    return float(value)


def _is_figure(value: object) -> TypeGuard[int | float]:
    """Whether it is a number from 0 up, and neither NaN nor infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _count(message: Mapping[str, Any], name: str, most: int) -> int:
    value = message.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise WireError("invalid_report", f"{name}: expected a number from 0 up.")
    return value
