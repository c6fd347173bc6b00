"""A reader chooses among ten languages: each runs, or a sentence says it is not installed."""

from __future__ import annotations

import shutil

import pytest
from selenium.webdriver.support.ui import Select

from sagecell_tx.kernelside.languages import NAMES
from sagecell_tx.kernelside.languages.kept import KeptLanguage
from sagecell_tx.kernelside.languages.programs import Language

pytestmark = pytest.mark.browser

#: A program for each that prints 42.
PROGRAMS = {
    "sage": "print(6 * 7)",
    "gap": "6 * 7;",
    "gp": "6 * 7",
    "html": "<b>42</b>",
    "macaulay2": "6 * 7",
    "maxima": "6 * 7;",
    "octave": "disp(6 * 7)",
    "python": "print(6 * 7)",
    "r": "print(6 * 7)",
    "singular": "6 * 7;",
}


def test_all_of_them(reader):
    """contract: 5.5"""
    chosen = Select(reader.one(".sagecell_language"))
    offered = [option.get_attribute("value") for option in chosen.options]
    assert sorted(offered) == sorted(PROGRAMS)
    for name, program in PROGRAMS.items():
        chosen.select_by_value(name)
        state = reader.run(program)
        language = NAMES.get(name)
        if isinstance(language, Language | KeptLanguage) and shutil.which(language.program) is None:
            sentence = f"{language.title} is not installed on this server."
            reader.until(lambda said=sentence: said in reader.text(".sagecell_pyerr"))
            assert state == "failed"
        else:
            reader.until(lambda: "42" in reader.text(".sagecell_sessionOutput"))
            assert state == "done"
    assert reader.complaints() == []


def test_sage_where_there_is_none(reader):
    """contract: 5.5"""
    Select(reader.one(".sagecell_language")).select_by_value("sage")
    assert reader.run("factor(42)") == "failed"
    assert "NameError" in reader.text(".sagecell_pyerr")
    assert reader.text(".sagecell_stderr") == (
        "Sage is not installed on this server: the program ran as Python."
    )
    Select(reader.one(".sagecell_language")).select_by_value("python")
    assert reader.run("factor(42)") == "failed"
    assert reader.all(".sagecell_stderr") == []
