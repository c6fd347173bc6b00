"""Answers that are kept for a while: who sends the same idempotency key again gets the same one.

A key counts for one API key alone. It is taken while its program runs, and free again if that is
refused, or if its client disconnects. Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getsizeof

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from sagecell_tx.http.execute.outputs import Shown, Stream
from sagecell_tx.http.serving.errors import Problem

#: Bytes that an answer counts for beside its contents.
_ENTRY = 1024

#: Bytes that each output counts for beside its text: a program can print millions of single characters.
_OUTPUT = 128


@frozen(kw_only=True)
class Answer:
    """What came of a program: its outputs, and a JSON object that sums it up."""

    outputs: Sequence[Stream | Shown]
    summary: bytes

    @property
    def size(self) -> int:
        """About the bytes of memory that it takes."""
        texts = (
            getsizeof(each.text if isinstance(each, Stream) else each.output)
            for each in self.outputs
        )
        return _ENTRY + len(self.summary) + sum(texts) + _OUTPUT * len(self.outputs)


@define(kw_only=True)
class _Entry:
    """What an idempotency key stands for. Without an `answer`, the program is running."""

    digest: bytes
    answer: Answer | None = None
    expires: float = 0.0


@define(kw_only=True)
class KeptAnswers:
    """The answers of all API keys, each for `seconds`; those of one have at most `most` bytes.

    To make room, the oldest are dropped. The latest is kept, however long it is.
    """

    clock: IReactorTime
    seconds: float
    most: int
    _entries: dict[str, dict[str, _Entry]] = field(factory=dict, init=False)

    def begin(self, who: str, key: str, digest: bytes) -> Answer | None:
        """The answer to give; None if the program has to be run, and `finish` or `release` called.

        `who` is the name of an API key, `digest` tells submissions apart. Raises `Problem`.
        """
        entries = self._fresh(who)
        entry = entries.get(key)
        if entry is None:
            entries[key] = _Entry(digest=digest)
            return None
        if entry.digest != digest:
            sentence = "This idempotency key was used for something else. Send a new one."
            raise Problem(409, "idempotency_key_reused", sentence)
        if entry.answer is None:
            sentence = "The program with this idempotency key is still running."
            raise Problem(409, "idempotency_key_in_use", sentence, headers={"Retry-After": "1"})
        return entry.answer

    def finish(self, who: str, key: str, answer: Answer) -> None:
        """Keep the answer of a key that `begin` took."""
        entries = self._fresh(who)
        entry = entries.pop(key)
        entry.answer, entry.expires = answer, self.clock.seconds() + self.seconds
        left = self.most - answer.size
        kept = {key: entry}
        for name, each in reversed(entries.items()):  # the latest first
            left -= each.answer.size if each.answer is not None else 0
            if each.answer is None or left >= 0:
                kept[name] = each
        self._entries[who] = dict(reversed(kept.items()))

    def release(self, who: str, key: str) -> None:
        """Forget a key that `begin` took, if its answer is not kept."""
        entries = self._entries.get(who, {})
        if key in entries and entries[key].answer is None:
            del entries[key]

    def _fresh(self, who: str) -> dict[str, _Entry]:
        """The entries of an API key, without those of anybody that have expired."""
        now = self.clock.seconds()
        for name, entries in list(self._entries.items()):
            left = {
                key: each
                for key, each in entries.items()
                if each.answer is None or each.expires > now
            }
            self._entries[name] = left
            if not left:
                del self._entries[name]
        return self._entries.setdefault(who, {})
