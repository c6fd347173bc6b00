"""The kernelspecs that Jupyter's clients choose from: those of the kernels that are forked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.spec import PYTHON

_LOGO = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">
<rect width="64" height="64" rx="10" fill="#3b5b8c"/>
<text x="32" y="43" font-family="sans-serif" font-size="30" text-anchor="middle"
 fill="#ffffff">{letters}</text>
</svg>
"""

#: The name of a kernelspec's logo, and what clients call it.
LOGO = "logo-svg.svg"
_LOGO_KEY = "logo-svg"


@frozen(kw_only=True)
class OfferedSpec:
    """A kernelspec as clients see it.

    `program_language` is that of programs which do not say theirs; empty for the kernel's own.
    """

    name: str
    display_name: str
    language: str
    program_language: str = ""

    @property
    def logo(self) -> bytes:
        """A picture, in SVG."""
        return _LOGO.format(letters=self.display_name[:2]).encode("ascii")

    def model(self, baseurl: str) -> dict[str, Any]:
        """The kernelspec's model, without the command and the environment of its kernels."""
        return {
            "name": self.name,
            "spec": {
                "argv": [],
                "env": {},
                "display_name": self.display_name,
                "language": self.language,
                "interrupt_mode": "message",
                "metadata": {},
            },
            "resources": {_LOGO_KEY: f"{baseurl}/kernelspecs/{self.name}/{LOGO}"},
        }


#: Kernels with Sage run programs in Sage unless they are told otherwise.
_PYTHON = OfferedSpec(
    name=PYTHON.name,
    display_name=PYTHON.display_name,
    language=PYTHON.language,
    program_language="python",
)
_SAGE = OfferedSpec(name="sagemath", display_name="SageMath", language="sage")

#: What Jupyter's kernel managers take for `PYTHON`, and Thebe asks for. No kernelspec has this name.
_ALIAS = "python"


@frozen(kw_only=True)
class OfferedSpecs:
    """The kernelspecs of a server. `environment` tells what its programs find; see `HostStatus`."""

    environment: Callable[[], str]
    default: OfferedSpec = _PYTHON

    @property
    def all(self) -> list[OfferedSpec]:
        """The kernelspecs; without Sage as long as it is unknown whether kernels have it."""
        return [_PYTHON, _SAGE] if self.environment() == "sage" else [_PYTHON]

    @property
    def of_cells(self) -> OfferedSpec:
        """The kernelspec of a kernel that a cell started, which has no language of its own."""
        return self.all[-1]

    def to_start(self, name: str) -> OfferedSpec:
        """The kernelspec of a kernel that is to start, "" for the default. Raises `Problem` and `Refused`."""
        if not name:
            return self.default
        return self.named(PYTHON.name if name == _ALIAS else name)

    def named(self, name: str) -> OfferedSpec:
        """The kernelspec of that name. Raises `Problem` and `Refused`."""
        found = [spec for spec in self.all if spec.name == name]
        if found:
            return found[0]
        if name == _SAGE.name and not self.environment():
            raise refusals.loading()
        raise Problem(404, "unknown_kernelspec", f"No such kernel named {name[:100]}")
