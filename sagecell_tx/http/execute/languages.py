"""How a program in one of the languages that a client can name becomes one that a kernel runs."""

from __future__ import annotations

from collections.abc import Callable

#: Kernels are told about these: they decide how a program is read, and what is said of its errors.
_OF_KERNELS = ("python", "sage")


def _octave(code: str) -> str:
    """The program, which saves its figures instead of opening windows."""
    return "\n".join(
        (
            'set(0, "defaultfigurevisible", "off");',
            code,
            'if !isempty(get(0, "children")) print("-dpng", "octave.png"); close("all"); endif',
        )
    )


def _r(code: str) -> str:
    """The program, whose plots are complete files when it ends."""
    return "\n".join(("options(bitmapType='cairo')", code, "graphics.off()"))


def _as_it_is(code: str) -> str:
    return code


#: What a program is before its interpreter gets it, by the interpreter's name in kernels.
_EVALUATED: dict[str, Callable[[str], str]] = {
    "gap": _as_it_is,
    "gp": _as_it_is,
    "macaulay2": _as_it_is,
    "maxima": _as_it_is,
    "octave": _octave,
    "r": _r,
    "singular": _as_it_is,
}

LANGUAGES = (*_OF_KERNELS, *_EVALUATED, "html")


def in_python(code: str, language: str) -> str:
    """The program as a kernel runs it; one in Python, in Sage or without a language as it is."""
    if language in _EVALUATED:
        return f"print({language}.eval({_EVALUATED[language](code)!r}))"
    return f"html({code!r})" if language == "html" else code


def for_kernel(language: str) -> str:
    """The language of what `in_python` returns, for the metadata of its request; "" for none."""
    return language if language in ("", *_OF_KERNELS) else "python"
