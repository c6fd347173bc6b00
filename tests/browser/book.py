"""An author's web site: pages with cells, at another origin than the server of the cells."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from attrs import frozen
from typing_extensions import override

#: The installed npm packages, including MathJax and jQuery.
PACKAGES = Path(__file__).parents[2] / "web" / "node_modules"


@frozen
class Page:
    """The body at a URL, and its content security policy."""

    body: str
    policy: str = ""
    kind: str = "text/html"
    is_endless: bool = False


class Book:
    """A site on a free port. Below ``/npm/`` are files of packages, from the directory `packages`."""

    def __init__(self, packages: Path = PACKAGES) -> None:
        self.pages: dict[str, Page] = {}
        self.actions: dict[str, Callable[[], None]] = {}
        pages, actions = self.pages, self.actions
        closing = self._closing = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                page = pages.get(path)
                if page is not None:
                    kind = f"{page.kind}; charset=utf-8"
                    self.answer(page.body.encode(), kind, page.policy, page.is_endless)
                elif path.startswith("/npm/") and (packages / path[5:]).is_file():
                    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
                    self.answer((packages / path[5:]).read_bytes(), kind)
                elif path == "/favicon.ico":
                    self.answer(b"", "image/x-icon")
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                act = actions.get(self.path)
                if act is None:
                    self.send_error(404)
                else:
                    act()
                    self.answer(b"", "text/plain")

            def answer(
                self, body: bytes, kind: str, policy: str = "", is_endless: bool = False
            ) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body) + is_endless))
                if policy:
                    self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(body)
                if is_endless:
                    closing.wait()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        # Not 127.0.0.1, so that it is another origin and another site, as in practice.
        self.url = f"http://localhost:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def page(self, head: str, body: str, *, policy: str = "", is_endless: bool = False) -> str:
        """Add a page; returns its URL. An endless one never finishes loading."""
        path = f"/page-{len(self.pages)}.html"
        html = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
        self.pages[path] = Page(html, policy, is_endless=is_endless)
        return self.url + path

    def script(self, source: str) -> str:
        """Add a script; returns its URL."""
        path = f"/script-{len(self.pages)}.js"
        self.pages[path] = Page(source, kind="text/javascript")
        return self.url + path

    def action(self, act: Callable[[], None]) -> str:
        """Add a URL to which pages send POST, which calls `act`; returns its path."""
        path = f"/action-{len(self.actions)}"
        self.actions[path] = act
        return path
