"""The media type of a file, by its name."""

from __future__ import annotations

import mimetypes


def content_type(name: str) -> str:
    """The value of ``Content-Type`` for a file of that name; text is UTF-8.

    An unknown extension, and that of a compressed file, give ``application/octet-stream``.
    """
    # The prefix keeps a name from being read as a URL, such as "data:", which has its own type.
    mimetype, encoding = mimetypes.guess_type(f"./{name}")
    if encoding is not None or mimetype is None:
        return "application/octet-stream"
    is_text = mimetype.startswith("text/") or mimetype.endswith("javascript")
    return f"{mimetype}; charset=utf-8" if is_text else mimetype
