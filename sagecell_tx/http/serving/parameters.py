"""Request parameters, from the query and the form alike, validated where they are read."""

from __future__ import annotations

import math
import re

from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.wire.messages import dump

_CALLBACK = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*", re.ASCII)


def texts(request: IRequest, name: str) -> list[str]:
    """All values of a parameter. Raises `Problem` if one is not UTF-8."""
    try:
        return [value.decode("utf-8") for value in request.args.get(name.encode("ascii"), [])]
    except UnicodeDecodeError as error:
        raise Problem(400, "invalid_encoding", f"The parameter {name} is not UTF-8.") from error


def present(request: IRequest, name: str) -> bool:
    """Whether a parameter is given, even if it is empty."""
    return name.encode("ascii") in request.args


def text(request: IRequest, name: str, default: str = "") -> str:
    """The last value of a parameter. Raises `Problem` if one is not UTF-8."""
    values = texts(request, name)
    return values[-1] if values else default


def seconds(request: IRequest, name: str, default: float = 0.0) -> float:
    """A parameter in seconds, from 0 to infinity. Raises `Problem` for anything else."""
    value = text(request, name, str(default))
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number) or number < 0:
        raise Problem(
            400, f"invalid_{name}", f"The parameter {name} must be a number of seconds, 0 or more."
        )
    return number


def callback(request: IRequest) -> str:
    """The JSONP callback of a request; "" if it has none. Raises `Problem` for an invalid name."""
    name = text(request, "callback")
    if name and not (len(name) <= 128 and _CALLBACK.fullmatch(name)):
        raise Problem(400, "invalid_callback", "The callback must be the name of a function.")
    return name


def as_call(request: IRequest, callback: str, argument: str) -> bytes:
    """A script that calls `callback` with a string (contract 1.16, 1.19)."""
    request.setHeader("Content-Type", "application/javascript; charset=utf-8")
    request.setHeader("X-Content-Type-Options", "nosniff")
    return b"%s(%s);" % (callback.encode("ascii"), dump(argument))


def in_frame(json: bytes) -> bytes:
    """A page for a hidden frame that posts `json` to its parent as a string (contract 1.12)."""
    text = json.decode("ascii").replace("\\", "\\\\").replace("'", "\\'").replace("<", "\\u003c")
    return f"<script>parent.postMessage('{text}',\"*\");</script>".encode("ascii")
