"""An installed kernelspec, as far as this server uses it.

Source: "Kernel specs" in the documentation of jupyter_client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from sagecell_tx.hosts.kernelspecs.resources import Resource
from sagecell_tx.sessions.spec import KernelSpec


@frozen(kw_only=True)
class InstalledSpec:
    """A kernelspec whose kernels are programs of their own.

    `argv` are the program's arguments, of which the first is an absolute path; `env` are variables
    beside the usual ones. `interrupt_mode` is "signal" or "message". `help_links` are titles and
    URLs, `resources` the files that clients may have, by what clients call them. `directories` are
    those that its kernels must be able to read beside the system's.
    """

    kind: KernelSpec
    argv: Sequence[str]
    env: Mapping[str, str] = field(factory=dict)
    interrupt_mode: str = "signal"
    help_links: Sequence[tuple[str, str]] = ()
    resources: Mapping[str, Resource] = field(factory=dict)
    directories: Sequence[str] = ()

    @property
    def program(self) -> dict[str, object]:
        """What the fork server's child becomes, in the form of the bootstrap message."""
        return {"argv": list(self.argv), "env": dict(self.env)}
