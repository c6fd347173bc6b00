"""Why a kernel or a permalink is refused: a code for programs and a sentence for people."""

from __future__ import annotations

from math import ceil

from sagecell_tx.sessions.admission.visitors import Scope
from sagecell_tx.sessions.endreasons import Reason

#: Seconds after which to try again, where no estimate is known.
_SOON = 5

#: Too many kernels at a time.
TOO_MANY_KERNELS = {
    Scope.ADDRESS: (
        "too_many_kernels_for_address",
        "Too many programs from your address are running. Please wait until one has finished.",
    ),
    Scope.NETWORK: (
        "too_many_kernels_for_network",
        "Too many programs from your network are running. Please wait until one has finished.",
    ),
    Scope.SITE: (
        "too_many_kernels_for_site",
        "Too many programs from this web site are running. Please try again in a moment.",
    ),
    Scope.CELL_SESSION: (
        "too_many_kernels_for_cell_session",
        "Too many cells of this page are running. Please wait until one has finished, or stop one.",
    ),
    Scope.KEY: (
        "too_many_kernels_for_key",
        "Too many programs with this API key are running. Please wait until one has finished.",
    ),
}

#: Too many starts within a time.
TOO_MANY_STARTS = {
    Scope.ADDRESS: ("too_many_starts_for_address", "Your address has started too many programs."),
    Scope.NETWORK: ("too_many_starts_for_network", "Your network has started too many programs."),
    Scope.SITE: ("too_many_starts_for_site", "This web site has started too many programs."),
    Scope.CELL_SESSION: (
        "too_many_starts_for_cell_session",
        "This page has started too many programs.",
    ),
    Scope.KEY: ("too_many_starts_for_key", "Too many programs were started with this API key."),
    Scope.ALL: ("too_many_starts", "Too many programs are being started on this server."),
}

#: Too many permalinks within a time.
TOO_MANY_PERMALINKS = {
    Scope.ADDRESS: (
        "too_many_permalinks_for_address",
        "Your address has made too many permalinks.",
    ),
    Scope.NETWORK: (
        "too_many_permalinks_for_network",
        "Your network has made too many permalinks.",
    ),
    Scope.KEY: (
        "too_many_permalinks_for_key",
        "Too many permalinks were made with this API key.",
    ),
}


#: All codes with which a kernel is refused.
CODES = (
    *(code for code, _ in (*TOO_MANY_KERNELS.values(), *TOO_MANY_STARTS.values())),
    "too_many_kernels",
    "too_many_waiting",
    "loading",
    "too_many_descriptors",
    "draining",
)


class Refused(Exception):
    """A kernel or a permalink is refused. `code` is for programs, `message` a sentence for people.

    `retry_after` is in whole seconds, rounded up, so that it is not too soon.
    """

    def __init__(self, code: str, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = max(1, ceil(retry_after))


def too_many_kernels_for(scope: Scope) -> Refused:
    """As many kernels run as may; when one of them ends is unknown."""
    return Refused(*TOO_MANY_KERNELS[scope], retry_after=_SOON)


def too_many_starts_for(scope: Scope, wait: float) -> Refused:
    """Kernels were started too often; the next start may come in `wait` seconds."""
    return _too_often(*TOO_MANY_STARTS[scope], wait)


def too_many_permalinks_for(scope: Scope, wait: float) -> Refused:
    """Permalinks were made too often; the next may be made in `wait` seconds."""
    return _too_often(*TOO_MANY_PERMALINKS[scope], wait)


def _too_often(code: str, sentence: str, wait: float) -> Refused:
    refused = Refused(code, sentence, retry_after=wait)
    seconds = "second" if refused.retry_after == 1 else "seconds"
    refused.message = f"{sentence} Please try again in {refused.retry_after} {seconds}."
    return refused


def full(seconds: float | None) -> Refused:
    """There is no kernel, and no wait in the queue. One may be free in `seconds`, if known."""
    return Refused(
        "too_many_kernels",
        "This server is running as many programs as it can. Please try again in a moment.",
        retry_after=seconds or _SOON,
    )


def too_many_waiting(seconds: float | None) -> Refused:
    """The queue has room, but not for more visitors of the same origin."""
    return Refused(
        "too_many_waiting",
        "This server is running as many programs as it can, and many with the same address, web "
        "site or API key are waiting already. Please try again in a moment.",
        retry_after=seconds or _SOON,
    )


def loading() -> Refused:
    """The host is still loading what kernels need: for Sage, that takes a quarter of a minute."""
    return Refused(
        "loading",
        "This server is still loading what programs need. Please try again in a moment.",
        retry_after=_SOON,
    )


def too_many_descriptors() -> Refused:
    """The process has few file descriptors left, and each kernel takes some."""
    return Refused(
        "too_many_descriptors",
        "This server has too many connections and programs. Please try again in a moment.",
        retry_after=_SOON,
    )


def draining() -> Refused:
    """The server is stopping, perhaps for a restart."""
    return Refused("draining", Reason.DRAINING.sentence, retry_after=10)
