"""Who may use the admin page: whoever has the token, in a header or once in its form.

A program sends the token with each request, as ``Authorization: Bearer``. A browser sends it once and gets a
cookie, whose value is random and forgotten after `LIFETIME`. Browsers send cookies with requests that pages of
others make, so a request that changes something has to repeat a second secret, which only a page of this
server can have read; those with the header need none, as pages of others cannot set it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.cors import header
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.limits import Rate
from sagecell_tx.sessions.admission.tokenbuckets import Buckets

_log = Logger()

#: The cookie's name, and the header with the second secret.
COOKIE = b"sagecell_admin"
CSRF = b"x-csrf-token"

#: Seconds after which a browser has to send the token again.
LIFETIME = 12 * 3600.0

#: Browsers that are logged in at a time; a further one replaces the oldest.
BROWSERS = 32

#: Wrong tokens from one address: in one burst, and a minute in the long run.
ATTEMPTS = Rate(burst=10, per_minute=6)


@frozen
class Browser:
    """A browser that is logged in: until when, and its second secret."""

    until: float
    csrf: str


@define(kw_only=True)
class Logins:
    """Checks the token, and remembers browsers. `who` names the client of a request, for counting attempts.

    `entropy` gives so many random bytes.
    """

    token: str = field(repr=False)
    clock: IReactorTime
    entropy: Callable[[int], bytes]
    who: Callable[[IRequest], str]
    _browsers: OrderedDict[bytes, Browser] = field(factory=OrderedDict, init=False, repr=False)
    _wrong: Buckets = field(factory=lambda: Buckets(ATTEMPTS), init=False)

    def log_in(self, request: IRequest, sent: str) -> str:
        """Check the token that a browser has `sent`; returns the value of its cookie. Raises `Problem`."""
        self._check(request, sent)
        value = self.entropy(32).hex()
        while len(self._browsers) >= BROWSERS:
            self._browsers.popitem(last=False)
        until = self.clock.seconds() + LIFETIME
        self._browsers[_digest(value)] = Browser(until, self.entropy(32).hex())
        return value

    def log_out(self, request: IRequest) -> None:
        """Forget the browser that makes a request."""
        self._browsers.pop(_digest(_cookie(request)), None)

    def check(self, request: IRequest) -> Browser | None:
        """Returns the browser that makes a request, or None for a program that has the token. Raises `Problem`."""
        scheme, _, sent = header(request, b"authorization").partition(" ")
        if scheme.lower() == "bearer":
            self._check(request, sent.strip())
            return None
        name = _digest(_cookie(request))
        browser = self._browsers.get(name)
        if browser is None or browser.until <= self.clock.seconds():
            self._browsers.pop(name, None)
            raise Problem(
                401,
                "not_logged_in",
                "This needs the token of the admin page.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return browser

    def check_change(self, request: IRequest) -> None:
        """As `check`, for a request that changes something."""
        browser = self.check(request)
        sent = header(request, CSRF).encode("latin-1")
        if browser is not None and not compare_digest(browser.csrf.encode("ascii"), sent):
            raise Problem(403, "foreign_page", "Only the admin page itself may ask for this.")

    def _check(self, request: IRequest, sent: str) -> None:
        """Raises `Problem` for a wrong token, and for any while its sender has sent too many wrong ones."""
        who, now = self.who(request), self.clock.seconds()
        wait = self._wrong.wait(who, now)
        if wait > 0:
            raise Problem(
                429,
                "too_many_attempts",
                "Too many wrong tokens were sent from your address. Please try again later.",
                headers={"Retry-After": str(math.ceil(wait))},
            )
        # Of digests, so that not even the token's length is told by the time.
        if not compare_digest(_digest(self.token), _digest(sent)):
            self._wrong.take(who, now)
            _log.warn("admin: a wrong token from {who}", who=who or "this machine")
            raise Problem(
                401,
                "wrong_token",
                "This is not the token of the admin page.",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "replace")).digest()


def _cookie(request: IRequest) -> str:
    """The value of the cookie; "" if there is none."""
    return (request.getCookie(COOKIE) or b"").decode("latin-1")
