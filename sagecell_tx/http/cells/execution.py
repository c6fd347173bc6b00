"""The request that runs one program, and what clients get of it: its files, or that it was late."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any
from urllib.parse import quote

from attrs import frozen
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.wire.codelink import clean_name
from sagecell_tx.wire.messages import WireError


def content(code: str, user_expressions: dict[str, Any]) -> dict[str, Any]:
    """The content of an execute_request for a program that nobody can be asked about."""
    return {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": user_expressions,
        "allow_stdin": False,
        "stop_on_error": True,
    }


def new_files(reply: dict[str, Any]) -> list[object]:
    """The names of files in a reply, which the kernel may have filled with anything."""
    names: list[object] = []
    payload = reply.get("payload")
    for part in payload if isinstance(payload, list) else ():
        listed = part.get("new_files") if isinstance(part, dict) else None
        names += listed if isinstance(listed, list) else []
    return names


def late_sentence(seconds: float) -> str:
    """Why a program was stopped that may run for `seconds`."""
    within = "1 second" if seconds == 1 else f"{seconds:g} seconds"
    return f"The program did not end within {within} and was stopped."


@frozen(kw_only=True)
class FileAddresses:
    """The URLs of the files of kernels, at most `most` of each. `baseurl` precedes all paths."""

    clients: Clients
    most: int
    baseurl: str = ""

    def of(self, request: IRequest, kernel_id: str, names: Iterable[object]) -> dict[str, str]:
        """The URL of each file, without names that no file can have."""
        base = cors.base_url(
            request, proxied=self.clients.are_behind_proxy(request), baseurl=self.baseurl
        )
        return {
            name: f"{base}kernel/{kernel_id}/files/{quote(name)}"
            for name in islice(names, self.most)
            if isinstance(name, str) and _is_name(name)
        }


def _is_name(name: str) -> bool:
    """Whether a file can have this name."""
    try:
        clean_name(name)
    except WireError:
        return False
    return True
