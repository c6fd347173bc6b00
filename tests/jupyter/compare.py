"""Sends the same requests to this server and to Jupyter Server, and prints where they differ.

    python -m tests.jupyter.compare OURS THEIRS --token TOKEN

OURS and THEIRS are the URLs of two running servers that both know the token. Statuses are compared, and the names
and types of what is in the answers. The differences that are on purpose are in docs/jupyter.rst.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from attrs import define, field

NOBODY = "00000000-0000-0000-0000-000000000000"

#: Requests by what they are about. ``{kernel}`` and ``{session}`` are ids of earlier answers.
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/api", None),
    ("GET", "/api/me", None),
    ("GET", '/api/me?permissions={{"kernels":["read","execute"]}}', None),
    ("GET", "/api/me?permissions=x", None),
    ("GET", "/api/status", None),
    ("GET", "/api/kernelspecs", None),
    ("GET", "/api/kernelspecs/python3", None),
    ("GET", "/api/kernelspecs/cobol", None),
    ("GET", "/kernelspecs/python3/logo-svg.svg", None),
    ("GET", "/kernelspecs/python3/kernel.json", None),
    ("GET", "/api/kernels", None),
    ("POST", "/api/kernels", None),
    ("POST", "/api/kernels", b"null"),
    ("POST", "/api/kernels", {}),
    ("POST", "/api/kernels", {"name": "python3"}),
    ("POST", "/api/kernels", {"name": "python"}),
    ("POST", "/api/kernels", {"name": None}),
    ("POST", "/api/kernels", {"name": "cobol"}),
    ("POST", "/api/kernels", {"name": 7}),
    ("POST", "/api/kernels", b"{"),
    ("POST", "/api/kernels", []),
    ("GET", "/api/kernels", None),
    ("GET", "/api/kernels/{kernel}", None),
    ("GET", f"/api/kernels/{NOBODY}", None),
    ("GET", "/api/kernels/x", None),
    ("PUT", "/api/kernels/{kernel}", None),
    ("POST", "/api/kernels/{kernel}/interrupt", None),
    ("POST", "/api/kernels/{kernel}/restart", None),
    ("POST", f"/api/kernels/{NOBODY}/interrupt", None),
    ("POST", f"/api/kernels/{NOBODY}/restart", None),
    ("GET", "/api/kernels/{kernel}/channels", None),
    ("DELETE", "/api/kernels/{kernel}", None),
    ("GET", "/api/kernels/{kernel}", None),
    ("DELETE", "/api/kernels/{kernel}", None),
    ("GET", "/api/sessions", None),
    ("POST", "/api/sessions", None),
    ("POST", "/api/sessions", b"{"),
    ("POST", "/api/sessions", []),
    ("POST", "/api/sessions", {}),
    ("POST", "/api/sessions", {"path": "a"}),
    ("POST", "/api/sessions", {"path": "c", "type": "console", "kernel": {"name": "cobol"}}),
    ("POST", "/api/sessions", {"path": "c", "type": "console", "kernel": {"id": NOBODY}}),
    ("POST", "/api/sessions", {"path": "c", "type": "console", "kernel": "python3"}),
    ("POST", "/api/sessions", {"path": 7, "type": "console"}),
    ("POST", "/api/sessions", {"path": "c", "type": "console"}),
    ("POST", "/api/sessions", {"notebook": {"path": "n.ipynb"}, "kernel": {"name": "python3"}}),
    ("POST", "/api/sessions", {"path": "a.ipynb", "name": "a", "type": "notebook"}),
    ("POST", "/api/sessions", {"path": "a.ipynb", "name": "a", "type": "notebook"}),
    ("GET", "/api/sessions", None),
    ("GET", "/api/sessions/{session}", None),
    ("GET", f"/api/sessions/{NOBODY}", None),
    ("PATCH", "/api/sessions/{session}", {"path": "b.ipynb", "name": "b", "type": "file"}),
    ("PATCH", "/api/sessions/{session}", {}),
    ("PATCH", "/api/sessions/{session}", None),
    ("PATCH", "/api/sessions/{session}", {"kernel": {"id": NOBODY}}),
    ("PATCH", "/api/sessions/{session}", {"kernel": {"name": "cobol"}}),
    ("PATCH", "/api/sessions/{session}", {"kernel": {"name": "python3"}}),
    ("PATCH", f"/api/sessions/{NOBODY}", {"path": "x"}),
    ("DELETE", "/api/sessions/{session}", None),
    ("GET", "/api/sessions/{session}", None),
    ("DELETE", "/api/sessions/{session}", None),
    ("GET", "/api/contents", None),
    ("GET", "/api/contents/nothing", None),
    ("GET", "/api/terminals", None),
    ("POST", "/api/terminals", {}),
    ("GET", "/api/nothing", None),
    ("GET", "/tree", None),
    ("GET", "/login", None),
    ("OPTIONS", "/api/kernels", None),
)


@define(kw_only=True)
class Peer:
    """One of the two servers, and the ids that it gave last."""

    url: str
    ids: dict[str, str] = field(factory=lambda: {"kernel": NOBODY, "session": NOBODY})

    def send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """The status of the answer, and its JSON, if it is that."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        answer = requests.request(
            method,
            self.url + path.format(**self.ids),
            data=data,
            headers=headers,
            timeout=60,
            allow_redirects=False,
        )
        try:
            told = answer.json()
        except ValueError:
            told = None
        if answer.status_code == 201 and isinstance(told, dict):
            self.ids["session" if "kernel" in told else "kernel"] = told["id"]
        return answer.status_code, told


def shape(value: Any) -> Any:
    """The names and types in a JSON value; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


def differences(ours: Peer, theirs: Peer, headers: Mapping[str, str]) -> Iterator[str]:
    """A line for each answer that differs."""
    for method, path, body in REQUESTS:
        mine = ours.send(method, path, body, headers)
        other = theirs.send(method, path, body, headers)
        request = f"{method} {path} {'' if body is None else body}"
        if mine[0] != other[0]:
            yield f"{request}\n    {mine[0]} {_short(mine[1])}\n    {other[0]} {_short(other[1])}"
        elif mine[0] >= 400:
            messages = [
                told.get("message") if isinstance(told, dict) else told for _, told in (mine, other)
            ]
            if messages[0] != messages[1]:
                yield f"{request} {mine[0]}\n    {messages[0]}\n    {messages[1]}"
        elif shape(mine[1]) != shape(other[1]):
            yield f"{request} {mine[0]}\n    {shape(mine[1])}\n    {shape(other[1])}"


def _short(value: Any) -> str:
    return json.dumps(value)[:300]


def main() -> None:
    """Compare the servers named on the command line, with the token and without."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--token", required=True)
    options = parser.parse_args()
    for title, headers in (
        ("With the token", {"Authorization": f"token {options.token}"}),
        ("With another token", {"Authorization": "token of-a-stranger-1234"}),
        ("Without a token", {}),
    ):
        sys.stdout.write(f"\n{title}\n\n")
        peers = [Peer(url=url.rstrip("/")) for url in (options.ours, options.theirs)]
        for line in differences(peers[0], peers[1], headers):
            sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
