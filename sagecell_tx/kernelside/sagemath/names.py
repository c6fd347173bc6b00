"""What programs find defined where Sage is: its names, some of them ours, and languages that it lacks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from sage.misc.lazy_import import LazyImport, attributes

from sage import all_cmdline
from sagecell_tx.kernelside import languages
from sagecell_tx.kernelside.sagemath import absent, compiled
from sagecell_tx.kernelside.sagemath.output import typesetting

#: The languages whose programs we run, also where Sage has an interface to them.
OURS = ("macaulay2", "octave", "r")


def all_names() -> Mapping[str, object]:
    """The names, in a new dictionary."""
    names = {name: value for name, value in vars(all_cmdline).items() if not name.startswith("_")}
    return {
        **{name: _imported(value) for name, value in names.items()},
        **absent.names(names),
        **compiled.NAMES,
        **typesetting.NAMES,
        **{
            name: languages.NAMES[name] for name in OURS if name != "r" or find_spec("rpy2") is None
        },
    }


def _imported(value: Any) -> object:
    """What a name stands for whose module Sage imports on first use, if that has happened."""
    if isinstance(value, LazyImport):
        known = attributes(value)
        if known["_module"] in sys.modules and known["_deprecation"] is None:
            with suppress(Exception):  # the module may lack the name
                return value._get_object()
    return value
