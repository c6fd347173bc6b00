"""A request's parameters, from query and form alike, checked where they are read."""

from __future__ import annotations

import math

from twisted.web.iweb import IRequest

from sagecell_tx.http.problems import Problem


def texts(request: IRequest, name: str) -> list[str]:
    """All values of a parameter."""
    try:
        return [value.decode("utf-8") for value in request.args.get(name.encode("ascii"), [])]
    except UnicodeDecodeError as error:
        raise Problem(400, "invalid_encoding", f"The parameter {name} is not UTF-8.") from error


def present(request: IRequest, name: str) -> bool:
    """Whether a parameter is given, be it without a value."""
    return name.encode("ascii") in request.args


def text(request: IRequest, name: str, default: str = "") -> str:
    """The last value of a parameter."""
    values = texts(request, name)
    return values[-1] if values else default


def seconds(request: IRequest, name: str, default: float = 0.0) -> float:
    """A time from 0 to infinity."""
    value = text(request, name, str(default))
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number) or number < 0:
        raise Problem(
            400, f"invalid_{name}", f"The parameter {name} must be a number of seconds from 0 up."
        )
    return number


def in_frame(json: bytes) -> bytes:
    """A page for a hidden frame, that hands `json` to the page around it as a text."""
    text = json.decode("ascii").replace("\\", "\\\\").replace("'", "\\'").replace("<", "\\u003c")
    return f"<script>parent.postMessage('{text}',\"*\");</script>".encode("ascii")
