"""What a start command asks for, as the web process writes it and the fork server reads it.

It is the one module of the kernel's side that the web process imports: both mean the same by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import frozen

#: The largest limit, beyond all that there is: system calls take it.
MOST = 2**62


@frozen(kw_only=True)
class KernelLimits:
    """What a kernel may take of the machine, and may save. Each has to be there.

    So a limit that somebody forgot is an error, and not a kernel that has none.
    """

    cpu_seconds: float  # of all its processes
    warning_seconds: float  # so many of them ahead of the end it is told
    memory_bytes: int  # of all its processes
    processes: int  # threads included
    open_files: int  # of each process
    directory_bytes: int  # of all that it writes
    file_bytes: int  # of one file that it writes, or saves
    session_bytes: int  # of all files that it saves
    session_files: int  # that it saves

    @classmethod
    def parse(cls, limits: object) -> KernelLimits:
        """Read what `attrs.asdict` made of them; raises ValueError with a sentence."""
        if not isinstance(limits, dict):
            raise ValueError("The kernel's limits must be an object.")
        fields = attrs.fields_dict(cls)
        for name in sorted(fields.keys() ^ limits.keys()):
            what = "is missing from" if name in fields else "is none of"
            raise ValueError(f"{name!r:.40} {what} the kernel's limits.")
        for name, value in limits.items():
            kinds = (int, float) if name.endswith("_seconds") else (int,)
            if type(value) not in kinds or not 0 <= value <= MOST:
                raise ValueError(f"{name}: the kernel's limits must be numbers from 0 up.")
        return cls(**limits)


@frozen(kw_only=True)
class StartCommand:
    """A kernel to be: its id, its limits, and whether it has a way to the network.

    The id is a number that the web process has counted up. Nothing here says whose the kernel
    is to be: the fork server remembers it, and so does every kernel that is forked later. With
    `proxy`, the server waits for a listener in the kernel's network.
    """

    kernel_id: int
    limits: KernelLimits
    proxy: bool

    @classmethod
    def parse(cls, line: Mapping[str, Any]) -> StartCommand:
        """Read a command whose id was checked; raises ValueError with a sentence."""
        limits, proxy = KernelLimits.parse(line.get("limits")), line.get("proxy")
        if not isinstance(proxy, bool):
            raise ValueError("Whether the kernel has a proxy must be true or false.")
        return cls(kernel_id=line["id"], limits=limits, proxy=proxy)

    @property
    def line(self) -> dict[str, Any]:
        """The command as `parse` reads it."""
        limits = attrs.asdict(self.limits)
        return {"op": "start", "id": self.kernel_id, "limits": limits, "proxy": self.proxy}


#: A kernel that nobody uses: it is tried whether there could be one.
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
    ),
    proxy=False,
)
