"""Network namespaces, as machines whose network cables the test can pull."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from typing import Self

#: Numbers of this process's networks. Those of test processes that run at the same time differ by the process as well.
_NUMBERS = itertools.count()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)


class NetSpace:
    """A namespace that is connected to this one by a pair of interfaces.

    `network` has the first three numbers of its addresses; by default, those that no other test has.
    """

    def __init__(self, network: str = "") -> None:
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        number = next(_NUMBERS)
        self.name = f"cell-{os.getpid()}-{number}"
        self.near = f"cv{os.getpid() % 100_000}n{number}"
        self.far = f"cv{os.getpid() % 100_000}f{number}"
        # 198.18.0.0/15 is for tests of networks: RFC 2544.
        network = network or f"198.{18 + worker % 2}.{(os.getpid() + number) % 256}"
        self.gateway, self.address = f"{network}.1", f"{network}.2"

    def __enter__(self) -> Self:
        try:
            _ip("netns", "add", self.name)
            _ip("link", "add", self.near, "type", "veth", "peer", "name", self.far)
            _ip("link", "set", self.far, "netns", self.name)
            _ip("addr", "add", f"{self.gateway}/24", "dev", self.near)
            _ip("link", "set", self.near, "up")
            self._inside("addr", "add", f"{self.address}/24", "dev", self.far)
            self._inside("link", "set", self.far, "up")
            self._inside("link", "set", "lo", "up")
            self._inside("route", "add", "default", "via", self.gateway)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for words in (("link", "del", self.near), ("netns", "del", self.name)):
            subprocess.run(["ip", *words], check=False, capture_output=True, timeout=30)

    @property
    def enter(self) -> list[str]:
        """The words of a command that runs another one inside."""
        return ["ip", "netns", "exec", self.name]

    @property
    def enter_network(self) -> list[str]:
        """The same, but with the file systems of this machine: `enter` hides the control groups."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def cut(self) -> None:
        """Pull the cable."""
        _ip("link", "set", self.near, "down")

    def join(self) -> None:
        """Plug it in again."""
        _ip("link", "set", self.near, "up")

    def _inside(self, *words: str) -> None:
        _ip("-n", self.name, *words)


def why_not(network: str = "") -> str:
    """Why there can be no such namespace here; empty if there can."""
    if shutil.which("ip") is None:
        return "the program ip is not installed: apt-get install iproute2"
    try:
        with NetSpace(network):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or b""
        return (
            f"network namespaces cannot be made: {said.decode(errors='replace').strip() or error}"
        )
