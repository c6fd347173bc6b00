"""The HTML document of the pages that the server writes itself: of errors and terms of service."""

from __future__ import annotations

from html import escape

_DOCUMENT = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>{title}</title>
    <link rel="icon" href="{home}favicon.ico" />
    <link rel="stylesheet" href="{home}static/root.css" />
  </head>
  <body>
    <main>
{main}
    </main>
{footer}  </body>
</html>
"""


def document(*, title: str, home: str, main: str, footer: str = "") -> str:
    """A whole page; `main` and `footer` are HTML, `title` is text.

    `home` is the address of the server's page, "" from a page beside it.
    """
    return _DOCUMENT.format(
        title=escape(title),
        home=escape(home),
        main=main,
        footer=f"    <footer>\n{footer}\n    </footer>\n" if footer else "",
    )
