"""The media type of a file, as its name tells it."""

from __future__ import annotations

import mimetypes


def content_type(name: str) -> str:
    """The value of ``Content-Type`` for a file of that name; text is UTF-8.

    A name that tells nothing, or says that the file is compressed, means bytes of any kind.
    """
    # With a path before it, no name is read as a URL, which could say its own type.
    mimetype, encoding = mimetypes.guess_type(f"./{name}")
    if encoding is not None or mimetype is None:
        return "application/octet-stream"
    is_text = mimetype.startswith("text/") or mimetype.endswith("javascript")
    return f"{mimetype}; charset=utf-8" if is_text else mimetype
