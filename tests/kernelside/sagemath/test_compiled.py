"""Cython and Fortran are refused with a sentence, by whichever name a program calls them."""

from __future__ import annotations

import pytest

from tests.kernelside.sagemath.displays import words

pytestmark = [pytest.mark.sage, pytest.mark.integration]


def test_a_sentence_without_a_traceback(cell):
    for code, language in {
        "cython('def f(): pass')": "Cython",
        "%%cython\ndef f(): pass": "Cython",
        "cython_lambda('int x', 'x')": "Cython",
        "from sage.misc.cython import cython as c; c('')": "Cython",
        "open('a.pyx', 'w').close(); load('a.pyx')": "Cython",
        "fortran('')": "Fortran",
        "%%fortran\nC x": "Fortran",
    }.items():
        result = cell.run(code)
        assert result.reply["status"] == "error"
        sentence = f"{language} is not here: this server has no compiler for visitors' programs."
        assert words(result).strip() == f"UsageError: {sentence}", code
