"""GP, which reads a statement at a time."""

from __future__ import annotations

from collections.abc import Sequence

from sagecell_tx.kernelside.languages.programs import LanguageError
from sagecell_tx.kernelside.sagemath.languages import sources
from sagecell_tx.kernelside.sagemath.languages.interpreter import Interpreter

#: The longest line that Linux passes to a program from a terminal has 4095 bytes.
_LONGEST_LINE = 4000


class Gp(Interpreter):
    """GP. Errors are part of its output, as in a terminal: it goes on after them."""

    marking = 'print("{}","{}")'
    prompt = rb"\r\n\? \Z"

    def parts(self, text: str) -> Sequence[str]:
        """Each statement: only what is typed alone shows its value."""
        statements = sources.gp_statements(text)
        if statements and sources.left_open(statements[-1]) == "{":
            raise LanguageError('The program ends before a "{" is closed.')
        return statements

    def adopt(self) -> None:
        """See `Interpreter.adopt`. Without readline, which turns the terminal's echo on and off."""
        super().adopt()
        command = f"{self.interface.command()} --default readline=0"
        self.interface.set_server_and_command(command=command)

    def command(self, path: str, mark: str) -> str:
        """The statement itself, unless a terminal's line is too short for it."""
        with open(path, encoding="utf-8") as file:
            statement = file.read().rstrip("\n")
        if len(statement.encode()) > _LONGEST_LINE:
            statement = f'read("{path}"){";" if statement.endswith(";") else ""}'
        return f"{statement}\n{mark}"

    def output(self, printed: str, path: str, mark: str) -> str:
        """What is printed before the mark."""
        return printed.partition(mark)[0].removesuffix("? ")

    def _run(self, part: str) -> str:
        """Run a statement, with more memory if its stack was too small."""
        said = super()._run(part)
        while "the PARI stack overflows" in said:
            if "not enough memory" in super()._run("allocatemem();"):
                break
            said = super()._run(part)
        return said
