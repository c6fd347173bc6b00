"""GAP, in the mode that Sage uses: its output has marks, which begin with "@"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sagecell_tx.kernelside.languages.programs import LanguageError
from sagecell_tx.kernelside.sagemath.languages.interpreter import Interpreter, show

#: A mark, and the text up to the next one.
_PIECE = r"@(p\d+\.|[1-6!\"#$%&][^+]*\+|s\d|w[^+]*\+|[@A-Zcefhimnrxz])([^@]*)"

#: What marks stand for in a text: itself, and control characters.
_SPECIAL = {"@": "@", **{chr(64 + code): chr(code) for code in range(1, 27)}}


class Gap(Interpreter):
    """GAP. It goes on after errors, which are told at the end."""

    marking = 'Print("{}","{}\\n");'
    prompt = rb"[^i]*@i\Z"

    def end(self, mark: str) -> bytes:
        """The mark for waiting for input."""
        return rb"(?<!@)(?:@@)*@i\Z"

    def command(self, path: str, mark: str) -> str:
        """With the value of each statement that does not end with two semicolons."""
        view = 'function(value) ViewObj(value); Print("\\n"); end'
        return f'READ_ALL_COMMANDS(InputTextFile("{path}"),false,false,{view});;'

    def parts(self, text: str) -> Sequence[str]:
        """The last semicolon may be missing."""
        return (f"{text}\n;",)

    def output(self, printed: str, path: str, mark: str) -> str:
        """What follows "@n" is output, "@f" an error, and "@r" an echo."""
        texts = {"n": "", "f": "", "r": ""}
        kind = "r"
        for sign, text in re.findall(_PIECE, f"@r{printed}", re.DOTALL):
            kind = sign if sign in texts else kind
            texts[kind] += _SPECIAL.get(sign, "") + text
        said = texts["n"].replace("\r", "").replace("\\\n", "").removesuffix("gap> ")
        error = texts["f"].replace("\r", "").replace("\\\n", "").strip()
        if error:
            show(said)
            raise LanguageError(re.sub(r" in stream:\s*(\d+)", r" in line \1", error))
        return said
