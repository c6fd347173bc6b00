"""The start command, as the web process writes it and the fork server reads it.

The only module of the kernel's side that the web process imports, so that both share one
definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen

#: The largest limit: larger than any resource, and still accepted by system calls.
MOST = 2**62


#: The most hosts that a command names.
MOST_HOSTS = 20


@frozen(kw_only=True)
class KernelLimits:
    """The limits of one kernel. None has a default, so that a forgotten limit is an error."""

    cpu_seconds: float  # of all its processes
    warning_seconds: float  # the warning comes with this much of cpu_seconds left
    memory_bytes: int  # of all its processes
    processes: int  # threads included
    open_files: int  # of each process
    directory_bytes: int  # of all files that it writes
    file_bytes: int  # of one file that it writes, or saves
    session_bytes: int  # of all saved files
    session_files: int  # saved files
    background_seconds: float  # for what a program leaves running, if its request asks to wait

    @classmethod
    def parse(cls, limits: object) -> KernelLimits:
        """Read what `attrs.asdict` made of them; raises ValueError with a sentence."""
        if not isinstance(limits, dict):
            raise ValueError("The kernel's limits must be an object.")
        fields = attrs.fields_dict(cls)
        for name in sorted(fields.keys() ^ limits.keys()):
            what = "is missing from" if name in fields else "is not one of"
            raise ValueError(f"{name!r:.40} {what} the kernel's limits.")
        for name, value in limits.items():
            kinds = (int, float) if name.endswith("_seconds") else (int,)
            if type(value) not in kinds or not 0 <= value <= MOST:
                raise ValueError(f"{name}: the kernel's limits must be numbers from 0 up.")
        return cls(**limits)


@frozen(kw_only=True)
class StartCommand:
    """The command to start a kernel: its id, its limits, and whether it gets a network proxy.

    The id is a number that the web process counts up. Nothing here says whose kernel it is: it
    stays in the fork server's memory, where every kernel that is forked later can find it. With
    `proxy`, the web process waits for a listener in the kernel's network namespace. `hosts` are
    names of hosts that the proxy reaches, for sentences: `MOST_HOSTS` at most. A kernel that is
    started `ahead`, before anybody has asked for it, runs a cell before it is up.
    """

    kernel_id: int
    limits: KernelLimits
    proxy: bool
    hosts: tuple[str, ...] = ()
    ahead: bool = False

    @classmethod
    def parse(cls, line: Mapping[str, Any]) -> StartCommand:
        """Read a command whose id was checked; raises ValueError with a sentence."""
        limits, proxy = KernelLimits.parse(line.get("limits")), line.get("proxy")
        if not isinstance(proxy, bool):
            raise ValueError("proxy must be true or false.")
        hosts = line.get("hosts", [])
        if not isinstance(hosts, list) or not all(isinstance(name, str) for name in hosts):
            raise ValueError("hosts must be names of hosts.")
        ahead = line.get("ahead", False)
        if not isinstance(ahead, bool):
            raise ValueError("ahead must be true or false.")
        return cls(
            kernel_id=line["id"], limits=limits, proxy=proxy, hosts=tuple(hosts), ahead=ahead
        )

    @property
    def line(self) -> dict[str, Any]:
        """The JSON object of the command, which `parse` reads."""
        limits = attrs.asdict(self.limits)
        line: dict[str, Any] = {
            "op": "start",
            "id": self.kernel_id,
            "limits": limits,
            "proxy": self.proxy,
        }
        if self.hosts:
            line["hosts"] = list(self.hosts)
        if self.ahead:
            line["ahead"] = True
        return line


#: The start command for trials of control groups and of levels of confinement.
TRIAL = StartCommand(
    kernel_id=0,
    limits=KernelLimits(
        cpu_seconds=600,
        warning_seconds=0,
        memory_bytes=1 << 30,
        processes=100,
        open_files=512,
        directory_bytes=512 << 20,
        file_bytes=64 << 20,
        session_bytes=0,
        session_files=0,
        background_seconds=0,
    ),
    proxy=False,
)
