"""What a worker and its keeper tell one another: lines of JSON over a pair of UNIX sockets.

A worker asks for places, by numbers that it chooses::

    -> {"ask":7,"patience":60.0,"visitor":{"purpose":"kernel","address":"192.0.2.1","site":"","cell_session":"","key":""}}
    <- {"position":7,"at":3,"seconds":20}      each time that it changes; the seconds may be null
    <- {"granted":7}                           it has the place; or, instead,
    <- {"refused":7,"code":"too_many_kernels","message":"...","retry_after":5}
    -> {"again":7,"as":8}                      the kernel there is to be restarted; granted or refused as 8
    -> {"leave":7}                             it is being stopped
    -> {"release":7}                           the place is free; or it is wanted no more

and besides::

    -> {"state":"up"}                          then "draining", "stopping"
    <- {"ping":4}                              it is asked whether it hangs
    -> {"pong":4}
    <- {"wanted":2}                            so many of the kernels that nobody needs should make room
    <- {"drain":true}                          admit nobody more
"""

from __future__ import annotations

from hashlib import blake2b
from math import isfinite
from typing import Any

from attrs import frozen

from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.wire.messages import WireError, dump, parse_json

#: Bytes of a line.
LONGEST = 32 * 1024

#: Characters of a visitor's name. Clients send what they like as names; a longer one is told apart by its digest.
LONGEST_NAME = 400
_KEPT = 300

#: Characters of a refusal's code and of its sentence.
_LONGEST_CODE, _LONGEST_SENTENCE = 100, 1000

#: The largest number.
_LARGEST = 2**53

#: The most strings, brackets and commas of a line.
_MARKS = 64

#: What a worker tells of itself.
UP, DRAINING, STOPPING = "up", "draining", "stopping"
STATES = (UP, DRAINING, STOPPING)


@frozen
class Ask:
    """A place is wanted."""

    number: int
    visitor: Visitor
    patience: float  # seconds

    def line(self) -> bytes:
        """As it is sent."""
        who = self.visitor
        names = {
            name: _bounded(getattr(who, name))
            for name in ("address", "site", "cell_session", "key")
        }
        visitor = {"purpose": who.purpose.value, **names}
        return dump({"ask": self.number, "patience": self.patience, "visitor": visitor})


@frozen
class Again:
    """The kernel in a place is to be restarted; the answer has the number `answer`."""

    number: int
    answer: int

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"again": self.number, "as": self.answer})


@frozen
class Leave:
    """The kernel in a place is being stopped."""

    number: int

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"leave": self.number})


@frozen
class Release:
    """A place is free, or is wanted no more."""

    number: int

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"release": self.number})


@frozen
class State:
    """A worker's state, one of `STATES`."""

    name: str

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"state": self.name})


@frozen
class Granted:
    """A place is given, or a restart."""

    number: int

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"granted": self.number})


@frozen
class Denied:
    """A place, or a restart, is refused."""

    number: int
    code: str
    message: str
    retry_after: float

    def line(self) -> bytes:
        """As it is sent."""
        return dump(
            {
                "refused": self.number,
                "code": self.code,
                "message": self.message,
                "retry_after": self.retry_after,
            }
        )

    @classmethod
    def of(cls, number: int, refused: Refused) -> Denied:
        """As the keeper has refused it."""
        return cls(number, refused.code, refused.message, refused.retry_after)

    @property
    def refused(self) -> Refused:
        """As it is told to the client."""
        return Refused(self.code, self.message, retry_after=self.retry_after)


@frozen
class Moved:
    """A position in the queue."""

    number: int
    where: Position

    def line(self) -> bytes:
        """As it is sent."""
        where = self.where
        return dump({"position": self.number, "at": where.position, "seconds": where.seconds})


@frozen
class Wanted:
    """So many of the worker's kernels that nobody needs should make room."""

    count: int

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"wanted": self.count})


@frozen
class Drain:
    """The worker is to admit nobody more."""

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"drain": True})


@frozen
class AliveQuestion:
    """The worker is asked whether it hangs."""

    number: int

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"ping": self.number})


@frozen
class AliveAnswer:
    """It does not: the answer to that `AliveQuestion`."""

    number: int

    def line(self) -> bytes:
        """As it is sent."""
        return dump({"pong": self.number})


#: What a worker says, and what the keeper says.
Request = Ask | Again | Leave | Release | State | AliveAnswer
Answer = Granted | Denied | Moved | Wanted | Drain | AliveQuestion


def parse_request(line: bytes) -> Request:
    """What a worker says. Raises `WireError`."""
    match parse_json(line, _MARKS):
        case {
            "ask": int(number),
            "patience": float() | int() as patience,
            "visitor": dict(visitor),
        }:
            return Ask(_number(number), _visitor(visitor), _seconds(patience))
        case {"again": int(number), "as": int(answer)}:
            return Again(_number(number), _number(answer))
        case {"leave": int(number)}:
            return Leave(_number(number))
        case {"release": int(number)}:
            return Release(_number(number))
        case {"state": str(name)} if name in STATES:
            return State(name)
        case {"pong": int(number)}:
            return AliveAnswer(_number(number))
    raise WireError("invalid_line", "The line is none that a worker sends.")


def parse_answer(line: bytes) -> Answer:
    """What the keeper says. Raises `WireError`."""
    match parse_json(line, _MARKS):
        case {"granted": int(number)}:
            return Granted(_number(number))
        case {
            "refused": int(number),
            "code": str(code),
            "message": str(message),
            "retry_after": float() | int() as retry_after,
        }:
            return Denied(
                _number(number),
                _text(code, _LONGEST_CODE),
                _text(message, _LONGEST_SENTENCE),
                _seconds(retry_after),
            )
        case {"position": int(number), "at": int(at), "seconds": int() | None as seconds}:
            if seconds is not None:
                seconds = _number(seconds)
            return Moved(_number(number), Position(position=_number(at), seconds=seconds))
        case {"wanted": int(count)}:
            return Wanted(_number(count))
        case {"drain": True}:
            return Drain()
        case {"ping": int(number)}:
            return AliveQuestion(_number(number))
    raise WireError("invalid_line", "The line is none that a keeper sends.")


def _number(value: int) -> int:
    if isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise WireError("invalid_line", "A number is out of range.")
    return value


def _seconds(value: float) -> float:
    if isinstance(value, bool) or not isfinite(value) or not 0 <= value <= _LARGEST:
        raise WireError("invalid_line", "A time is out of range.")
    return float(value)


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise WireError("invalid_line", "A text is missing, or is too long.")
    return value


def _visitor(fields: dict[str, Any]) -> Visitor:
    try:
        purpose = Purpose(fields.get("purpose"))
    except ValueError as error:
        raise WireError("invalid_line", "There is no such purpose.") from error
    return Visitor(
        purpose=purpose,
        address=_text(fields.get("address"), LONGEST_NAME),
        site=_text(fields.get("site"), LONGEST_NAME),
        cell_session=_text(fields.get("cell_session"), LONGEST_NAME),
        key=_text(fields.get("key"), LONGEST_NAME),
    )


def _bounded(name: str) -> str:
    """A name, or for a long one its beginning and a digest of all of it."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{name[:_KEPT]}...{digest}"
