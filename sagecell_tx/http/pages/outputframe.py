"""The page of the sandboxed frame that shows output with scripts.

It runs whatever scripts the page around it sends; see web/src/output/frame/. So its policy must give
it an opaque origin: another site's page may put it into a frame without a sandbox, and must not be
able to run scripts with this server's origin.
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
from sagecell_tx.http.serving.cors import with_own_host
from sagecell_tx.http.serving.errors import handle_problems
from sagecell_tx.http.urltree import Mounted

#: The page's name in the build and below the server's root. `Static` does not serve it.
FRAME = "frame.html"

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(\*\.)?({_LABEL}\.)*{_LABEL}(:\d{{1,5}})?", re.ASCII | re.IGNORECASE)


def frame_policy(script_hosts: Iterable[str]) -> str:
    """The content security policy of the frame's page.

    Scripts, styles, fonts and pictures may be loaded from `script_hosts`. Raises `ConfigError` if one
    is not the name of a host.
    """
    hosts = []
    for host in script_hosts:
        if not _HOST.fullmatch(host):
            raise ConfigError(f"script_hosts: expected the name of a host, not {host!r}")
        hosts.append(host)
    return "; ".join(
        (
            # An opaque origin, also in a frame without the attribute sandbox.
            "sandbox allow-scripts allow-forms",
            "default-src 'none'",
            # Scripts are unrestricted within their frame.
            " ".join(("script-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:", *hosts)),
            " ".join(("style-src 'self' 'unsafe-inline'", *hosts)),
            " ".join(("img-src 'self' data: blob:", *hosts)),
            " ".join(("font-src 'self' data:", *hosts)),
            "media-src 'self' data: blob:",
            "worker-src data: blob:",
            # Frames of these kinds inherit this policy; the program's files would not.
            "frame-src data: blob:",
            "connect-src 'none'",
            "form-action 'none'",
            # Relative names refer to the program's files.
            "base-uri 'self'",
        )
    )


@define(kw_only=True)
class OutputFrame:
    """The route of the frame's page."""

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
        """The page, still without output."""
        # Looking a name up would tell its DNS server something.
        request.setHeader("X-DNS-Prefetch-Control", "off")
        policy = with_own_host(self.policy, request)
        return send_built(request, self.client / FRAME, policy)
