"""A description of the machine, on which all figures depend."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

#: Packages on whose versions the figures depend.
_PACKAGES = (
    "sagecell-tx",
    "Twisted",
    "autobahn",
    "txZMQ",
    "pyzmq",
    "ipykernel",
    "ipython",
    "jupyter_client",
    "jupyter_server",
    "tornado",
    "websocket-client",
)


def describe() -> Iterator[str]:
    """Lines about processors, memory, load and versions."""
    cores = len(os.sched_getaffinity(0))
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    yield f"{cores} cores, {_first('/proc/cpuinfo', 'model name')}, {_memory():.0f} GB"
    yield f"Linux {platform.release()}, Python {platform.python_version()}, load before {load}"
    yield ", ".join(f"{package} {version(package)}" for package in _PACKAGES)


def memory_in_use() -> Mapping[str, int]:
    """The figures of /proc/meminfo in bytes, by their names there."""
    lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    return {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (each.partition(":") for each in lines)
    }


def _memory() -> float:
    """Installed memory, in gigabytes."""
    return int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1e6


def _first(file: str, name: str) -> str:
    """The value of the first line of `file` that begins with `name`."""
    for line in Path(file).read_text("utf-8").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"
