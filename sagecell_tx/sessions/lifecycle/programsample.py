"""Logs some of the programs that are run, for operators who have to know what they are."""

from __future__ import annotations

from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.wire.jsonbounds import QUESTION_MARKS
from sagecell_tx.wire.messages import Message, WireError

_log = Logger()

#: Bytes of a request from which on its program is not logged.
LONGEST = 64 * 1024


@define
class ProgramSample:
    """Logs the fraction `rate` of all programs: none by default.

    Evenly: of those that are run one after another, each tenth if `rate` is 0.1.
    """

    rate: float = 0.0
    _due: float = field(default=0.0, init=False)

    def note(self, kernel_id: str, request: Message) -> None:
        """Log the program of a request that is sent to a kernel, if it is its turn. Never raises."""
        if not self.rate or request.msg_type != "execute_request":
            return
        self._due += self.rate
        if self._due < 1:
            return
        self._due -= 1
        try:
            program = request.parsed_content(LONGEST, QUESTION_MARKS).get("code")
        except WireError as error:
            program = f"({error.message})"
        _log.info("{kernel}: a program of the sample: {program}", kernel=kernel_id, program=program)
