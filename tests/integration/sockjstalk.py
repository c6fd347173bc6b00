"""A conversation of the real sockjs-client with a kernel, and its expected messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

SCRIPT = Path(__file__).with_name("sockjs_talk.cjs")
WEB = Path(__file__).parents[2] / "web"

#: Short output; output longer than one response or frame; characters that break easily.
PROGRAMS = [
    "print(1+1)",
    "for number in range(60000): print(number)",
    r"print('\u0394 \u2028 \U0001f600 </script> \x00\x7f\ufffe 100% %41')",
]

OUTPUTS = [
    "2\n",
    "".join(f"{number}\n" for number in range(60_000)),
    "\u0394 \u2028 \U0001f600 </script> \x00\x7f\ufffe 100% %41\n",
]

KINDS = ["status", "execute_input", "stream", "execute_reply", "status"]


def start_kernel(url: str) -> str:
    """Start a kernel that is kept when idle; returns its id."""
    answer = requests.post(f"{url}/kernel", data={"timeout": "inf"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def expected(transport: str) -> dict[str, Any]:
    """The expected result of the client's script."""
    return {
        "transport": transport,
        "outputs": OUTPUTS,
        "kinds": [KINDS] * len(PROGRAMS),
        "close": 1000,
    }
