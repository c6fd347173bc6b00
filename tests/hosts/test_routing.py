"""Which kernels are forked, and which become the program of a kernelspec."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.hosts.routing import KernelHost
from sagecell_tx.sessions.interfaces import HostService, HostStatus
from sagecell_tx.sessions.spec import PYTHON, KernelSpec
from tests.hosts.doubles import Observed

BASH = KernelSpec(name="bash", display_name="Bash", language="bash")
SPEC = InstalledSpec(kind=BASH, argv=["/bin/bash", "{connection_file}"])


@define
class ForkHostDouble:
    """A fork server's host that records what it is asked for."""

    calls: list[Any] = field(factory=list)
    status: HostStatus = field(factory=lambda: HostStatus(sandbox="namespaces"))

    def start(self, spec: KernelSpec, observer: Any, *, ahead: bool = False) -> Deferred[Any]:
        if spec != PYTHON:
            raise ValueError(spec.name)
        self.calls.append(("ahead" if ahead else "forked", observer))
        return succeed("forked")

    def start_installed(self, installed: InstalledSpec, observer: Any) -> Deferred[Any]:
        self.calls.append((installed, observer))
        return succeed("installed")

    def claim(self) -> None:
        self.calls.append("claim")

    def startService(self) -> None:  # noqa: N802
        self.calls.append("startService")

    def hurry(self) -> None:
        self.calls.append("hurry")

    def when_up(self) -> Deferred[None]:
        return succeed(None)

    def stopService(self) -> Deferred[None]:  # noqa: N802
        return succeed(None)


@pytest.fixture
def forked() -> ForkHostDouble:
    return ForkHostDouble()


@pytest.fixture
def host(forked: ForkHostDouble) -> KernelHost:
    return KernelHost(forked=forked, installed={BASH: SPEC})


def test_a_kernel_is_started_as_its_kernelspec_says(
    host: KernelHost, forked: ForkHostDouble
) -> None:
    observer = Observed()
    assert host.start(PYTHON, observer).result == "forked"
    assert host.start(BASH, observer).result == "installed"
    assert host.start(PYTHON, observer, ahead=True).result == "forked"
    assert forked.calls == [("forked", observer), (SPEC, observer), ("ahead", observer)]


def test_a_kind_that_it_does_not_have_begins_nothing(
    host: KernelHost, forked: ForkHostDouble
) -> None:
    for name in ("gap", "bash"):
        with pytest.raises(ValueError, match=name):
            host.start(KernelSpec(name=name, display_name="", language=""), Observed())
    assert forked.calls == []


def test_as_a_service_it_is_the_fork_servers(host: KernelHost, forked: ForkHostDouble) -> None:
    service: HostService = host
    service.claim()
    service.startService()
    service.hurry()
    assert forked.calls == ["claim", "startService", "hurry"]
    assert service.status is forked.status
    assert service.when_up().called
    assert service.stopService().called
