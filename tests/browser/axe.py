"""axe-core: violations of WCAG 2.2, levels A and AA, in the page that is open."""

from __future__ import annotations

import functools

from tests.browser.book import PACKAGES
from tests.browser.reader import Reader

#: Each document is checked by itself: a frame of an opaque origin cannot be checked from its page.
_RUN = """
const done = arguments[0];
const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
axe.run(document, { runOnly: { type: "tag", values }, iframes: false, resultTypes: ["violations"] })
  .then(({ violations }) => done(violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any, all, none }) => [
      id, html.slice(0, 160), ...[...any, ...all, ...none].map(({ message }) => message),
    ].join(" | ")))), (error) => done([String(error)]));
"""


def violations(reader: Reader) -> list[str]:
    """What axe finds in the document that the browser looks into, in the colours that it has now."""
    if not reader.javascript("return 'axe' in window"):
        # By the driver, since the page's own policy forbids scripts of others.
        reader.javascript(_source())
    return list(reader.browser.execute_async_script(_RUN))


def violations_by_day_and_night(reader: Reader) -> list[str]:
    """What axe finds with light colours, and with dark ones."""
    found = [f"by day: {each}" for each in violations(reader)]
    with reader.by_night():
        return found + [f"by night: {each}" for each in violations(reader)]


@functools.cache
def _source() -> str:
    return (PACKAGES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
