"""The bodies of requests: JSON of any media type, whose fields are checked where they are read.

Browsers without a token send ``text/plain``, which needs no preflight.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from attrs import frozen
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.wire.messages import WireError, parse_json

#: Characters in a path, a name or a type: what a client gives is kept, and sent back.
LONGEST = 1024


async def json_object(request: IRequest, parser: Parser) -> dict[str, Any] | None:
    """The JSON object in a request's body; None if the body is empty or null. Raises `Problem`."""
    body = request.content.read()
    if not body.strip():
        return None
    try:
        value = await parser.parse(len(body), partial(parse_json, body))
    except WireError as error:
        raise Problem(400, "invalid_json", "Invalid JSON in body of request") from error
    if value is not None and not isinstance(value, dict):
        raise Problem(400, "invalid_json", "The body must be a JSON object.")
    return value


def string(fields: dict[str, Any], name: str) -> str | None:
    """A field that is a short string; None if it is absent or null. Raises `Problem`."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST:
        sentence = f"The field {name} must be a string of at most {LONGEST} characters."
        raise Problem(400, "invalid_field", sentence)
    return value


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """A field that is an object; an empty one if it is absent or null. Raises `Problem`."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Problem(400, "invalid_field", f"The field {name} must be an object.")
    return value


@frozen(kw_only=True)
class Changes:
    """What a client wants a session to be. None: not said, and "" for a kernel."""

    path: str | None = None
    name: str | None = None
    type: str | None = None
    kernel_id: str = ""
    kernel_name: str = ""

    @classmethod
    def of(cls, fields: dict[str, Any] | None) -> Changes:
        """What the body of a request says. Raises `Problem`.

        Clients from before version 5 have the path of a notebook in an object of its own.
        """
        if fields is None:
            raise Problem(400, "invalid_json", "No JSON data provided")
        kernel, notebook = _object(fields, "kernel"), _object(fields, "notebook")
        is_notebook = "path" in notebook or "name" in notebook
        path = string(notebook, "name") or string(notebook, "path") if is_notebook else None
        return cls(
            path=path or string(fields, "path"),
            name=string(fields, "name"),
            type="notebook" if is_notebook else string(fields, "type"),
            kernel_id=string(kernel, "id") or "",
            kernel_name=string(kernel, "name") or "",
        )

    @property
    def starts_kernel(self) -> bool:
        """Whether a session that is changed gets a new kernel."""
        return bool(self.kernel_name and not self.kernel_id)

    def required(self, name: str) -> str:
        """The path or the type, which a new session must have. Raises `Problem`."""
        value: str | None = getattr(self, name)
        if value is None:
            raise Problem(400, "missing_field", f"Missing field in JSON data: {name}")
        return value
