"""The pages that web/ has built, and sending one of them."""

from __future__ import annotations

from pathlib import Path

from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.errors import Problem

#: The directory of the built browser code; see web/vite.config.ts.
CLIENT = Path(__file__).parents[1] / "client"


def send_built(request: IRequest, path: Path, policy: str) -> bytes:
    """The page at `path`, with its headers set. Raises `Problem` if it is not built."""
    try:
        page = path.read_bytes()
    except OSError as error:
        raise Problem(
            503,
            "client_not_built",
            "The page has not been built yet. Run `make client` to build it.",
            plain=True,
        ) from error
    request.setHeader("Content-Type", "text/html; charset=utf-8")
    request.setHeader("Content-Security-Policy", policy)
    request.setHeader("X-Content-Type-Options", "nosniff")
    request.setHeader("Referrer-Policy", "no-referrer")
    request.setHeader("Cache-Control", "no-cache")
    return page
