"""Request parameters, from the query and the form alike, validated where they are read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.cors import header
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.wire.formwire import media_type
from sagecell_tx.wire.messages import WireError, dump, parse_json

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


async def take_json(request: IRequest, parser: Parser, names: Sequence[str]) -> None:
    """Add the fields of a JSON body to the parameters, of which they replace those of the query.

    Nothing happens if the body is of another type, or empty. Of the fields, those in `names` are
    read: strings, a list of strings for several values, true or false, or an object, whose
    parameter is its JSON text. Raises `Problem`.
    """
    if media_type(header(request, b"content-type")) != "application/json":
        return
    body = request.content.read()
    if body.strip():
        request.args |= await parser.parse(len(body), partial(_json_fields, body, names))


def _json_fields(body: bytes, names: Sequence[str]) -> dict[bytes, list[bytes]]:
    """The values of each name in a JSON object. May be called in a thread."""
    try:
        fields = parse_json(body)
    except WireError as error:
        raise Problem(400, "invalid_json", error.message) from error
    if not isinstance(fields, dict):
        raise Problem(400, "invalid_json", "The body must be a JSON object.")
    return {
        name.encode("ascii"): _values(name, fields[name])
        for name in names
        if fields.get(name) is not None
    }


def _values(name: str, value: Any) -> list[bytes]:
    """A field of a JSON object as the values of a parameter."""
    try:
        match value:
            case bool():
                return [dump(value)]
            case str():
                return [value.encode("utf-8")]
            case list() if all(isinstance(each, str) for each in value):
                return [each.encode("utf-8") for each in value]
            case dict():
                return [dump(value)]
    except (ValueError, RecursionError) as error:  # half of a character, or an infinite number
        raise Problem(400, "invalid_json", f"The field {name} is not valid text.") from error
    raise Problem(400, "invalid_json", f"The field {name} must be a string.")


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
