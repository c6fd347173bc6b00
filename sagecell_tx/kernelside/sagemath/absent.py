"""What Sage has on a desktop and not here: a sentence says so, or what to use instead."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NoReturn

import sage.misc.edit_module
from IPython.core.error import UsageError
from IPython.display import display
from sage.graphs import dot2tex_utils, generic_graph
from sage.interfaces.expect import Expect
from sage.misc import sagedoc
from sage.misc.lazy_import import LazyImport, attributes
from sage.repl.load import load
from sage.repl.user_globals import get_globals

from sagecell_tx.kernelside.languages.programs import NotInstalled

#: Sage's documentation, which the wheels do not have.
_DOCUMENTATION = "https://doc.sagemath.org/html/en"

#: Programs that Sage starts by way of another one, by the names of its objects.
_PROGRAMS = {"mathematica": "math"}

#: Names for people, of what is not called as Sage's object is.
_TITLES = {
    "fricas": "FriCAS",
    "gap3": "GAP 3",
    "giac": "Giac",
    "lie": "LiE",
    "polymake": "polymake",
    "qepcad": "QEPCAD",
}

_start = Expect._start
_assert_have_dot2tex = dot2tex_utils.assert_have_dot2tex


def adapt() -> None:
    """Replace functions that Sage itself calls, or that are found by their modules."""
    Expect._start = _start_if_installed
    sage.misc.edit_module.edit = _edit
    dot2tex_utils.assert_have_dot2tex = _require_graphviz
    generic_graph.assert_have_dot2tex = _require_graphviz
    sagedoc._sage_doc._open = _open_documentation
    sagedoc._sage_doc.__call__ = _show_documentation


def names(found: Mapping[str, object]) -> dict[str, object]:
    """What programs find defined instead of Sage's own names `found`."""
    return {
        **{name: Absent(name) for name, value in found.items() if _is_absent(value)},
        "attach": attach,
        "edit": _edit,
        "notebook": _notebook,
    }


class Absent:
    """An interface of Sage to a program, whose module is not there either.

    `title` is the program's name for people.
    """

    def __init__(self, name: str) -> None:
        self.title = _TITLES.get(name, name)

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Raise NotInstalled."""
        raise NotInstalled(f"{self.title} is not installed on this server.")

    def __getattr__(self, name: str) -> Any:
        """A function that raises NotInstalled, for any public name."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.__call__

    def __repr__(self) -> str:
        return f"<{self.title}: not installed on this server>"


def _is_absent(value: object) -> bool:
    if not isinstance(value, LazyImport):
        return False
    module = str(attributes(value)["_module"])
    return module.startswith("sage.interfaces.") and find_spec(module) is None


def _start_if_installed(interface: Any, *arguments: Any, **options: Any) -> None:
    """See `Expect._start`; raises NotInstalled."""
    program = _PROGRAMS.get(interface.name()) or shlex.split(interface.command())[0]
    if shutil.which(program) is None:
        raise NotInstalled(f"{interface} is not installed on this server.")
    _start(interface, *arguments, **options)


def _require_graphviz() -> None:
    """See `assert_have_dot2tex`, which ends the program without it; raises NotInstalled."""
    if shutil.which("dot") is None:
        raise NotInstalled("Graphviz is not installed on this server.")
    _assert_have_dot2tex()


def attach(*files: Any) -> None:
    """Run files, as `load` does: no one else changes them later."""
    for file in files:
        load(file, get_globals())


def _edit(*_: Any, **__: Any) -> NoReturn:
    raise UsageError("There is no editor here: change the program in its cell.")


def _notebook(*_: Any, **__: Any) -> NoReturn:
    raise UsageError("No notebook can be started here: a cell is all there is.")


def _open_documentation(_: Any, name: str, testing: bool = False) -> None:
    """Show where a document is: nothing here opens a browser."""
    address = f"{_DOCUMENTATION}/{name}/index.html"
    link = f'<a href="{address}" target="_blank" rel="noopener">{address}</a>'
    display({"text/html": link, "text/plain": address}, raw=True)


def _show_documentation(_: Any, obj: Any, *__: Any, **___: Any) -> None:
    """Print the documentation of an object."""
    sagedoc.help(obj)
