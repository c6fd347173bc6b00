"""Cython and Fortran, which programs cannot use here: a sentence says so."""

from __future__ import annotations

from typing import Any, NoReturn

import sage.misc.cython
import sage.misc.inline_fortran
from IPython.core.error import UsageError

#: Sage's functions that compile, by their module.
_FUNCTIONS = (
    (sage.misc.cython, ("cython", "cython_compile", "cython_lambda")),
    (sage.misc.inline_fortran, ("fortran",)),
)


def adapt() -> None:
    """Replace the functions that compile; magics and ``load`` find them by their module."""
    for module, names in _FUNCTIONS:
        for name in names:
            setattr(module, name, NAMES[name])


def _cython(*_: Any, **__: Any) -> NoReturn:
    """Raise UsageError, of which a kernel shows only the sentence."""
    raise UsageError("Cython is not here: this server has no compiler for visitors' programs.")


def _fortran(*_: Any, **__: Any) -> NoReturn:
    """Raise UsageError, of which a kernel shows only the sentence."""
    raise UsageError("Fortran is not here: this server has no compiler for visitors' programs.")


#: What programs find defined, instead of Sage's own.
NAMES = {
    "cython": _cython,
    "cython_compile": _cython,
    "cython_lambda": _cython,
    "fortran": _fortran,
}
