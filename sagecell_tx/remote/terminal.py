"""What a person sees of a run: the program's output, and one line of progress on a terminal."""

from __future__ import annotations

from typing import Any, TextIO

from attrs import define, field

from sagecell_tx.http.execute.terminaltext import plain
from sagecell_tx.remote.escapes import Harmless, one_line

#: Back to the beginning of the line, and what is there is erased.
_ERASE = "\r\x1b[K"


@define(kw_only=True)
class Terminal:
    """Writes a program's output to `out`, and its errors to `err`.

    `is_quiet` leaves progress away, and so does an `err` that is no terminal. A terminal gets a program's output
    without harmful escape sequences, a file or a pipe as it is.
    """

    out: TextIO
    err: TextIO
    is_quiet: bool = False
    _progress: str = field(default="", init=False)  # that is on the screen
    _ends_line: bool = field(default=True, init=False)  # the output so far
    _harmless_out: Harmless = field(factory=Harmless, init=False)
    _harmless_err: Harmless = field(factory=Harmless, init=False)

    def output(self, output: dict[str, Any]) -> None:
        """Write one output of a program, of which a terminal shows text alone."""
        match output:
            case {"output_type": "stream", "name": str(name), "text": str(text)}:
                self._write(self.err if name == "stderr" else self.out, text)
            case {"output_type": "error", "traceback": list(lines)}:
                self._begin_line()
                text = "\n".join(str(each) for each in lines)
                self._write(self.err, (text if self.err.isatty() else plain(text)) + "\n")
            case {"data": {"text/plain": str(text)}}:
                self._begin_line()
                self._write(self.out, f"{text}\n")
            case {"data": dict(data)}:
                self._begin_line()
                self._write(self.out, one_line(f"[{', '.join(map(str, data))}]") + "\n")

    def say(self, sentence: str) -> None:
        """Write a sentence of our own."""
        self._begin_line()
        self._write(self.err, f"sagecell-tx: {one_line(sentence)}\n")

    def progress(self, text: str) -> None:
        """Replace the line of progress; "" erases it. It waits until the output ends a line."""
        if self.is_quiet or not self.err.isatty() or not self._ends_line:
            return
        if self._progress or text:
            self.err.write(_ERASE + one_line(text))
            self.err.flush()
        self._progress = text

    def _begin_line(self) -> None:
        if not self._ends_line:
            self._write(self.out, "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        self.progress("")
        if stream.isatty():
            harmless = self._harmless_out if stream is self.out else self._harmless_err
            text = harmless.feed(text)
        # An encoding may lack a character, and a program may print half of one.
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
        self._ends_line = text.endswith("\n") if text else self._ends_line
