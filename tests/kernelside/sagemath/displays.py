"""What programs display in a kernel with Sage."""

from __future__ import annotations

import base64
import re
from typing import Any

from tests.kernelside.driving import Cell, Result

_DISPLAYS = ("display_data", "execute_result")

Data = dict[str, Any]


def displayed(cell: Cell, code: str) -> list[Data]:
    """The data of the displays of a program that succeeds; none of their files is listed."""
    result = cell.run(code)
    assert result.reply["status"] == "ok", words(result)
    assert result.reply["payload"] == [], code
    return [each["content"]["data"] for each in result.messages if each["msg_type"] in _DISPLAYS]


def value(cell: Cell, code: str) -> Data:
    """The data of the only display of a program."""
    (data,) = displayed(cell, code)
    return data


def picture(data: Data, mime_type: str = "image/png") -> bytes:
    """The bytes of a picture."""
    return base64.b64decode(data[mime_type], validate=True)


def words(result: Result) -> str:
    """What a result says of errors, without colours."""
    lines = [line for content in result.of("error") for line in content["traceback"]]
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(lines)) + result.text("stderr")


def early_files(result: Result) -> set[str]:
    """The names of the files that were published before the first display."""
    names: set[str] = set()
    for each in result.messages:
        if each["msg_type"] in _DISPLAYS:
            break
        if each["msg_type"] == "sagecell_file":
            names.add(each["content"]["name"])
    return names
