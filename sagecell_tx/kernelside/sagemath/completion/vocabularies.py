"""The words of GAP, GP, Maxima and Singular, and what is known of them without starting a process."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from cypari2.gen import Gen
from sage.libs.gap.libgap import libgap

from sagecell_tx.kernelside.completion.vocabularies import Vocabulary
from sagecell_tx.kernelside.sagemath.languages import manuals
from sagecell_tx.kernelside.sagemath.languages.cells import INTERPRETERS

_KEYWORDS = frozenset(str(each) for each in libgap.eval("GAPInfo.Keywords"))


def learn() -> Mapping[str, Vocabulary]:
    """Vocabularies by language. The names are those that the interpreters have told (see `learn` there)."""
    maxima, singular = manuals.of_maxima(), manuals.of_singular()
    return {
        "gap": Vocabulary(words=_told("gap") | _KEYWORDS, meaning=_in_gap),
        "gp": Vocabulary(words=_told("gp"), meaning=_in_gp),
        "maxima": Vocabulary(words=frozenset(maxima.passages), meaning=maxima.meaning),
        "singular": Vocabulary(
            words=_told("singular") | singular.passages.keys(), meaning=singular.meaning
        ),
    }


def _told(language: str) -> frozenset[str]:
    """The names that an interpreter has told."""
    return frozenset(INTERPRETERS[language].interface._tab_completion())


def _in_gp(name: str) -> str:
    """PARI's own text about a function, which its library in Python has as well."""
    return inspect.cleandoc(getattr(getattr(Gen, name, None), "__doc__", None) or "")


def _in_gap(name: str) -> str:
    """How GAP shows the value of a global name. The wheels have no manual of GAP."""
    if not re.fullmatch(r"\w+", name) or not _gap("IsBoundGlobal")(name):
        return ""
    return str(_gap("ViewString")(_gap("ValueGlobal")(name)))


def _gap(function: str) -> Any:
    return libgap.function_factory(function)
