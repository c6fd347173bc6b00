"""What a client submits to ``/api/execute``, checked: a program, its files, and how to run it."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from attrs import frozen

from sagecell_tx.http.execute.languages import LANGUAGES
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.limits import RequestLimits
from sagecell_tx.wire.codelink import clean_name, clean_text
from sagecell_tx.wire.messages import WireError, dump, parse_json

FIELDS = ("code", "language", "files", "timeout", "idempotency_key", "accepted_tos")

_KEY = re.compile(r"[!-~]{1,255}")


@frozen(kw_only=True)
class Submission:
    """A program and its files, by name. `language` and `idempotency_key` are "" if not given.

    `seconds` is how long the program may run.
    """

    code: str
    language: str
    files: Mapping[str, bytes]
    seconds: float
    idempotency_key: str
    accepted_tos: bool

    @classmethod
    def parse(cls, body: bytes, limits: RequestLimits) -> Submission:
        """Read a request's body, within the limits. May be called in a thread. Raises `Problem`."""
        try:
            fields = parse_json(body)
        except WireError as error:
            raise Problem(400, "invalid_json", error.message) from error
        if not isinstance(fields, dict):
            raise Problem(400, "invalid_json", "The body must be a JSON object.")
        for name in fields:
            if name not in FIELDS:
                sentence = f"There is no field {name[:100]!r}. The fields are {', '.join(FIELDS)}."
                raise Problem(400, "unknown_field", sentence)
        return cls(
            code=_code(fields.get("code"), limits.code_characters),
            language=_language(fields.get("language")),
            files=_files(fields.get("files"), limits),
            seconds=min(_seconds(fields.get("timeout")), limits.service_seconds),
            idempotency_key=_idempotency_key(fields.get("idempotency_key")),
            accepted_tos=_flag(fields, "accepted_tos"),
        )

    @property
    def file_bytes(self) -> int:
        """The bytes of all files."""
        return sum(map(len, self.files.values()))

    @property
    def digest(self) -> bytes:
        """The same for equal submissions, whatever their idempotency keys, and for no others."""
        files = {name: sha256(data).hexdigest() for name, data in sorted(self.files.items())}
        return sha256(dump([self.code, self.language, files, self.seconds])).digest()


def _code(value: Any, most: int) -> str:
    if value is None:
        raise Problem(400, "missing_code", "The field code, with the program, is missing.")
    if not isinstance(value, str):
        raise Problem(400, "invalid_field", "The field code must be a string.")
    if len(value) > most:
        raise Problem(413, "code_too_long", f"The program may have {most} characters at most.")
    return clean_text(value)


def _language(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or value not in LANGUAGES:
        sentence = f"The language must be one of {', '.join(LANGUAGES)}."
        raise Problem(400, "unknown_language", sentence)
    return value


def _files(value: Any, limits: RequestLimits) -> dict[str, bytes]:
    """The files by name: a list of objects with a name, and the contents as text or in base64."""
    if value is None:
        return {}
    if not isinstance(value, list):
        raise _invalid_file("The field files must be a list of objects.")
    most, bytes_left = limits.execute_files, limits.execute_file_bytes
    if len(value) > most:
        raise Problem(413, "too_many_files", f"There may be {most} files at most.")
    files: dict[str, bytes] = {}
    for each in value:
        if not isinstance(each, dict) or not {"name"} < each.keys() <= {"name", "text", "base64"}:
            raise _invalid_file("A file is an object with name, and with text or base64.")
        name = each["name"]
        if not isinstance(name, str):
            raise _invalid_file("A file's name must be a string.")
        if clean_name(name) in files:
            raise _invalid_file(f"There are two files called {name!r}.")
        files[name] = _contents(name, each)
        bytes_left -= len(files[name])
        if bytes_left < 0:
            sentence = f"All files together may have {limits.execute_file_bytes} bytes at most."
            raise Problem(413, "files_too_large", sentence)
    return files


def _contents(name: str, file: dict[str, Any]) -> bytes:
    match file:
        case {"text": str(text)} if "base64" not in file:
            try:
                return text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise _invalid_file(f"The text of {name!r} has a lone surrogate.") from error
        case {"base64": str(text)} if "text" not in file:
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError) as error:
                raise _invalid_file(f"The contents of {name!r} are not base64.") from error
    raise _invalid_file(f"The file {name!r} must have one string, text or base64.")


def _invalid_file(sentence: str) -> Problem:
    return Problem(400, "invalid_file", sentence)


def _seconds(value: Any) -> float:
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        sentence = "The timeout must be a number of seconds, more than 0."
        raise Problem(400, "invalid_timeout", sentence)
    return value


def _idempotency_key(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        sentence = "An idempotency key has 1 to 255 visible ASCII characters."
        raise Problem(400, "invalid_idempotency_key", sentence)
    return value


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise Problem(400, "invalid_field", f"The field {name} must be true or false.")
    return value is True
