"""What the pages say about this server: what its kernels have, as their host tells it."""

from __future__ import annotations

import html
import re

from sagecell_tx.sessions.interfaces import HostStatus

#: The names of languages for people, in the order in which pages list them.
TITLES = {
    "sage": "Sage",
    "python": "Python",
    "gap": "GAP",
    "gp": "GP",
    "html": "HTML",
    "macaulay2": "Macaulay2",
    "maxima": "Maxima",
    "octave": "Octave",
    "r": "R",
    "singular": "Singular",
}

#: What a built page has in the place of a fact, such as ``{{language}}``.
_PLACE = re.compile(rb"\{\{(language|languages)\}\}")


def language(host: HostStatus) -> str:
    """The language of a program that names none: Sage where it is, otherwise Python."""
    return "sage" if host.environment == "sage" else "python"


def filled_in(page: bytes, host: HostStatus) -> bytes:
    """A built page with the facts in their places: a language's title, and a sentence on all."""
    texts = {b"language": TITLES[language(host)], b"languages": _sentence(host)}
    return _PLACE.sub(lambda place: html.escape(texts[place[1]]).encode(errors="replace"), page)


def _sentence(host: HostStatus) -> str:
    """What languages this server has; empty as long as that is not known."""
    titles = [
        f"{title} {host.versions.get(name, '')}".rstrip()
        for name, title in TITLES.items()
        if name in host.languages
    ]
    if not titles:
        return ""
    *most, last = titles
    return f"This server has {', '.join(most)} and {last}." if most else f"This server has {last}."
