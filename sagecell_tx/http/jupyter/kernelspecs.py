"""The kernelspecs that Jupyter's clients choose from: of the kernels that are forked, and installed ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from attrs import field, frozen

from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.spec import PYTHON, KernelSpec

_LOGO = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">
<rect width="64" height="64" rx="10" fill="#3b5b8c"/>
<text x="32" y="43" font-family="sans-serif" font-size="30" text-anchor="middle"
 fill="#ffffff">{letters}</text>
</svg>
"""

#: The name of the logo of a kernelspec of ours, and what clients call it.
LOGO = "logo-svg.svg"
_LOGO_KEY = "logo-svg"


@frozen
class SpecFile:
    """A file of a kernelspec: its name, its media type and its content."""

    name: str
    media_type: str
    content: bytes


@frozen(kw_only=True, eq=False)
class OfferedSpec:
    """A kernelspec as clients see it. Its kernels are started as those of `kind`.

    `program_language` is that of programs which do not say theirs; empty for the kernel's own.
    `help_links` are titles and URLs, `files` by what clients call them.
    """

    name: str
    display_name: str
    language: str
    program_language: str = ""
    kind: KernelSpec = PYTHON
    interrupt_mode: str = "message"
    help_links: Sequence[tuple[str, str]] = ()
    files: Mapping[str, SpecFile] = field(factory=dict)

    def file(self, name: str) -> SpecFile:
        """The file of that name. Raises `Problem`."""
        for each in self.files.values():
            if each.name == name:
                return each
        raise Problem(404, "unknown_file", "This kernelspec has no such file.")

    def model(self, baseurl: str) -> dict[str, Any]:
        """The kernelspec's model, without the command and the environment of its kernels."""
        spec: dict[str, Any] = {
            "argv": [],
            "env": {},
            "display_name": self.display_name,
            "language": self.language,
            "interrupt_mode": self.interrupt_mode,
            "metadata": {},
        }
        if self.help_links:
            spec["help_links"] = [{"text": text, "url": url} for text, url in self.help_links]
        resources = {
            key: f"{baseurl}/kernelspecs/{self.name}/{quote(each.name, safe='')}"
            for key, each in self.files.items()
        }
        return {"name": self.name, "spec": spec, "resources": resources}


def _drawn(letters: str) -> dict[str, SpecFile]:
    """A logo, in SVG."""
    logo = _LOGO.format(letters=letters).encode("ascii")
    return {_LOGO_KEY: SpecFile(LOGO, "image/svg+xml", logo)}


#: Kernels with Sage run programs in Sage unless they are told otherwise.
_PYTHON = OfferedSpec(
    name=PYTHON.name,
    display_name=PYTHON.display_name,
    language=PYTHON.language,
    program_language="python",
    files=_drawn("Py"),
)
_SAGE = OfferedSpec(name="sagemath", display_name="SageMath", language="sage", files=_drawn("Sa"))

#: What Jupyter's kernel managers take for `PYTHON`, and Thebe asks for. No kernelspec has this name.
_ALIAS = "python"


@frozen(kw_only=True)
class OfferedSpecs:
    """The kernelspecs of a server. `environment` tells what its programs find; see `HostStatus`.

    `installed` are those beside its own.
    """

    environment: Callable[[], str]
    installed: Sequence[OfferedSpec] = ()
    default: OfferedSpec = _PYTHON

    @property
    def all(self) -> list[OfferedSpec]:
        """The kernelspecs; without Sage as long as it is unknown whether kernels have it."""
        return [*self._own, *self.installed]

    @property
    def _own(self) -> list[OfferedSpec]:
        return [_PYTHON, _SAGE] if self.environment() == "sage" else [_PYTHON]

    @property
    def of_cells(self) -> OfferedSpec:
        """The kernelspec of a kernel that a cell started, which has no language of its own."""
        return self._own[-1]

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
