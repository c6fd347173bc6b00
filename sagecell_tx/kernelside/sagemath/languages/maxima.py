"""Maxima, with a function in Lisp that reads a file and shows values as a terminal does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sagecell_tx.kernelside.languages.programs import LanguageError
from sagecell_tx.kernelside.sagemath.languages import sources
from sagecell_tx.kernelside.sagemath.languages.interpreter import Interpreter, show

#: The value of each cell is that of `%` in the next, whatever Sage has asked meanwhile.
_FUNCTION = (
    ":lisp (progn (defvar sagecell-last nil) (defun $sagecell_program (path)"
    " (setq $% sagecell-last) (with-open-file (in path)"
    " (do ((form (mread in nil) (mread in nil))) ((null form) '$done)"
    " (setq sagecell-last (setq $% (toplevel-macsyma-eval (third form))))"
    " (when (eq (caar form) 'displayinput) (displa $%))))))"
)

#: What Sage sends twice when it is interrupted, before it calls `Interpreter.stop`.
_INTERRUPT = "quit;\n\x03"


class Maxima(Interpreter):
    """Maxima. A program ends at its first error, and at a question."""

    marking = 'sconcat("{}","{}");'
    prompt = rb'"?\s*<sage-display>\(%i\d+\) \Z'

    _ERROR = re.compile(
        r"^(?P<said>.*(?:\n#\d.*)*)\n -- an error\. To debug this try: debugmode\(true\);"
        r"|^(?:\S*?:)?(?P<line>\d+):(?P<column>\d+):(?P<syntax>incorrect syntax: .*)"
        r"|^Maxima encountered a Lisp error:\s+(?P<lisp>.*)",
        re.MULTILINE,
    )

    def parts(self, text: str) -> Sequence[str]:
        """The last semicolon may be missing."""
        code = sources.without_comments(text, "maxima").strip()
        if not code:
            return ()
        return (text if code[-1] in ";$" else f"{text}\n;",)

    def adopt(self) -> None:
        """See `Interpreter.adopt`. Without Sage's own interrupts, of which it sends two at once.

        Lisp answers to the second with its debugger if it has not dealt with the first by then.
        """
        super().adopt()
        self.interface._sendstr = self._send

    def learn(self) -> None:
        """Learn none: it would take seconds to ask for them."""
        self.interface._tab_completion = lambda *_, **__: []

    def begin(self, process: Any) -> None:
        """Define the function, and let it answer to what Sage has sent without waiting."""
        process.sendline(_FUNCTION)
        self._settle(process)

    def command(self, path: str, mark: str) -> str:
        """Calls the function."""
        return f'sagecell_program("{path}")$'

    def end(self, mark: str) -> bytes:
        """Its prompt, or a question."""
        return self.prompt + rb"|<sage-display>[^<]*\?\s*\Z"

    def output(self, printed: str, path: str, mark: str) -> str:
        """The values; raises LanguageError, also for a question, as nobody can answer it."""
        said, _, prompt = printed.partition("<sage-display>")
        if prompt and not prompt.startswith("(%i"):
            self.stop()
            show(said)
            question = " ".join(prompt.split())
            raise LanguageError(f"{question} Tell Maxima before, as in: assume(a > 0);")
        error = self._ERROR.search(said)
        if error is None:
            return said
        show(said[: error.start()])
        if error["syntax"]:
            raise LanguageError(f"{error['syntax']} Line {error['line']}.")
        told = error["said"] or error["lisp"]
        raise LanguageError(re.sub(r" \(\S+ line \d+\)$", "", told, flags=re.MULTILINE))

    def _send(self, text: str) -> None:
        """Sage's own method, without its interrupts."""
        if text != _INTERRUPT:
            type(self.interface)._sendstr(self.interface, text)
