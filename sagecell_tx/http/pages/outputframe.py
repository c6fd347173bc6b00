"""The page in which output with scripts stands: one sandboxed frame for each output.

What its scripts are is told by the page around it, in messages; see web/src/output/frame/. So the
policy that it is sent with is all that holds them: whoever puts it into a frame of their own must
not be able to run a script as a page of this server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx.config import ConfigError
from sagecell_tx.http.pages.built import send_built
from sagecell_tx.http.serving.errors import handle_problems
from sagecell_tx.http.urltree import Mounted

#: The page's name, in the build and below the server's root. It is no file of `Static`.
FRAME = "frame.html"

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(\*\.)?({_LABEL}\.)*{_LABEL}(:\d{{1,5}})?", re.ASCII | re.IGNORECASE)


def frame_policy(script_hosts: Iterable[str]) -> str:
    """The content security policy of the frame's page.

    `script_hosts` are those whose libraries may be loaded: their scripts, and the styles, fonts and
    pictures that belong to them. Raises `ConfigError` for what is no host.
    """
    hosts = []
    for host in script_hosts:
        if not _HOST.fullmatch(host):
            raise ConfigError(f"script_hosts: expected the name of a host, not {host!r}")
        hosts.append(host)
    return "; ".join(
        (
            # An origin that nobody else has, also where no frame of ours is around the page.
            "sandbox allow-scripts allow-forms",
            "default-src 'none'",
            # Scripts of a program's may do what they like in their own frame.
            " ".join(("script-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:", *hosts)),
            " ".join(("style-src 'self' 'unsafe-inline'", *hosts)),
            " ".join(("img-src 'self' data: blob:", *hosts)),
            " ".join(("font-src 'self' data:", *hosts)),
            "media-src 'self' data: blob:",
            "worker-src data: blob:",
            # Frames of these kinds have this policy as well; files of the program do not.
            "frame-src data: blob:",
            "connect-src 'none'",
            "form-action 'none'",
            # Relative names are those of the program's files.
            "base-uri 'self'",
        )
    )


@define(kw_only=True)
class OutputFrame:
    """The frame's page, and what holds for it."""

    policy: str
    client: Path

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Stand at ``/frame.html``."""
        name = FRAME.encode("ascii")
        root.putChild(name, Mounted(self.app, name))

    @app.route(f"/{FRAME}", methods=["GET", "HEAD"])
    def page(self, request: IRequest) -> bytes:
        """The page without any output."""
        # A name that is looked up would tell something to whoever answers for it.
        request.setHeader("X-DNS-Prefetch-Control", "off")
        return send_built(request, self.client / FRAME, self.policy)
