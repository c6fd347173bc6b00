"""How to connect to a machine's agent, as the agent says it, and all machines that are known.

Facts come from the settings, or from outside: then they are JSON that is parsed as hostile. They say
where an agent listens and which certificate it has. Whether it lives, only a connection to it tells.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Protocol

from attrs import asdict, define, field, frozen
from twisted.logger import Logger

from sagecell_tx.wire.messages import WireError, dump, parse_object

_log = Logger()

#: The version of the protocol between the web process and an agent; see docs/protocol.rst.
PROTOCOL = 1

#: The longest text of facts, in bytes.
LONGEST = 2048

#: The most machines of which facts are kept.
MOST_MACHINES = 1000

_NAME = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,100}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9.+_-]{0,40}", re.ASCII)


@frozen(kw_only=True)
class Facts:
    """An agent's facts; the constructor raises `WireError` for a value that cannot be one.

    `name` is that of its machine, for people and in the log; `host` an address or a name in the DNS,
    `fingerprint` the SHA-256 of its certificate's DER form in 64 hexadecimal digits, `protocol` the
    version of the protocol that it speaks, `version` that of its sagecell-tx (empty: not known yet).
    """

    name: str
    host: str
    port: int
    fingerprint: str
    protocol: int = PROTOCOL
    version: str = ""

    def __attrs_post_init__(self) -> None:
        _check("name", _matches(_NAME, self.name))
        _check("host", is_host(self.host))
        _check("port", type(self.port) is int and 0 < self.port < 65536)
        _check("fingerprint", is_fingerprint(self.fingerprint))
        _check("protocol", type(self.protocol) is int and 0 < self.protocol < 1000)
        _check("version", _matches(_VERSION, self.version))

    @classmethod
    def parse(cls, data: bytes | str) -> Facts:
        """Read what `dump` made; raises `WireError` for anything else. Ignores further fields."""
        if len(data) > LONGEST:
            raise WireError("facts_too_long", f"The facts are longer than {LONGEST} bytes.")
        fields = parse_object(data)
        missing = sorted(_FIELDS - fields.keys())
        if missing:
            raise WireError("invalid_facts", f"{missing[0]} is missing from the facts.")
        return cls(**{name: fields[name] for name in _FIELDS})

    def dump(self) -> bytes:
        """The facts as JSON text."""
        return dump(asdict(self))


_FIELDS = {"name", "host", "port", "fingerprint", "protocol", "version"}


def is_host(value: object) -> bool:
    """Whether `value` is an IP address, or a name that can be looked up."""
    if not isinstance(value, str):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return _matches(_HOST, value)
    return "%" not in value


def is_fingerprint(value: object) -> bool:
    """Whether `value` is a SHA-256 in 64 lower-case hexadecimal digits."""
    return _matches(_FINGERPRINT, value)


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _check(name: str, holds: bool) -> None:
    if not holds:
        raise WireError("invalid_facts", f"The facts have an invalid {name}.")


class MachinesObserver(Protocol):
    """Is told which machines there are."""

    def machine_joined(self, facts: Facts) -> None:
        """A machine is there, or has other facts than before: its agent was started again."""

    def machine_left(self, name: str) -> None:
        """Nobody knows of this machine any more. A connection to it may live on."""


@define(eq=False)
class Machines:
    """The machines that are known, by name. Whoever knows of them calls `joined` and `left`."""

    _known: dict[str, Facts] = field(factory=dict, init=False)
    _observers: list[MachinesObserver] = field(factory=list, init=False)

    @property
    def known(self) -> tuple[Facts, ...]:
        """The facts of all machines."""
        return tuple(self._known.values())

    def observe(self, observer: MachinesObserver) -> None:
        """Tell `observer` of all machines, and from now on of every change."""
        self._observers.append(observer)
        for facts in self.known:
            observer.machine_joined(facts)

    def joined(self, facts: Facts) -> None:
        """A machine is there. Facts of the same name replace earlier ones; equal ones change nothing."""
        if self._known.get(facts.name) == facts:
            return
        if facts.name not in self._known and len(self._known) >= MOST_MACHINES:
            _log.error("{name}: ignored, as {most} machines are known", **_noted(facts))
            return
        self._known[facts.name] = facts
        for observer in list(self._observers):
            observer.machine_joined(facts)

    def left(self, name: str) -> None:
        """A machine is not there any more. Harmless for a name that is not known."""
        if self._known.pop(name, None) is not None:
            for observer in list(self._observers):
                observer.machine_left(name)


def _noted(facts: Facts) -> dict[str, Any]:
    return {"name": facts.name, "most": MOST_MACHINES}
