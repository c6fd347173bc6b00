"""Programs in other languages become Python that runs exactly their text."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.execute.languages import LANGUAGES, for_kernel, in_python
from sagecell_tx.kernelside.languages import NAMES
from sagecell_tx.remote.languages import BY_SUFFIX


def test_they_are_those_that_kernels_know() -> None:
    assert set(LANGUAGES) == {"python", "sage", *NAMES}
    assert set(BY_SUFFIX.values()) == set(LANGUAGES)


def test_what_kernels_read_themselves_is_left_alone() -> None:
    for language in ("", "python", "sage"):
        assert in_python("1 +", language) == "1 +"
        assert for_kernel(language) == language
    assert {for_kernel(language) for language in NAMES} == {"python"}


@given(st.sampled_from(["gap", "gp", "macaulay2", "maxima", "singular"]), st.text())
def test_the_text_arrives_as_it_is(language: str, code: str) -> None:
    call = ast.parse(in_python(code, language), mode="eval").body
    match call:
        case ast.Call(
            ast.Name("print"),
            [ast.Call(ast.Attribute(ast.Name(name), "eval"), [ast.Constant(text)])],
        ):
            assert (name, text) == (language, code)
        case _:
            raise AssertionError(ast.dump(call))


def test_plots_are_saved() -> None:
    assert "octave.png" in in_python("plot(1)", "octave")
    assert "graphics.off()" in in_python("plot(1)", "r")
    assert in_python("<b>", "html") == "html('<b>')"
