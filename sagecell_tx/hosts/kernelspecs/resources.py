"""The files of a kernelspec that clients may have: its logos, and its script and styles.

They are read once, at the start, so that no request reaches the file system. The others stay
unread, above all ``kernel.json`` with the command and the environment.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from attrs import frozen

#: The largest file that is offered, in bytes.
LARGEST = 1 << 20

#: The most files of one kernelspec.
MOST = 20

_LOGO = "logo-"
_OTHERS = ("kernel.js", "kernel.css")

#: The media types of what is offered, by the end of the name.
_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@frozen
class Resource:
    """A file: its name in the kernelspec's directory, its media type and its content."""

    name: str
    media_type: str
    content: bytes


def read_resources(directory: str) -> Mapping[str, Resource]:
    """The files in `directory` that are offered, by what clients call them.

    A logo is called as its file without the ending, the others as their file; as Jupyter Server
    does. Only regular files that stand in the directory itself: no link is followed. Raises
    OSError.
    """
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found: dict[str, Resource] = {}
        for name in sorted(os.listdir(place)):
            stem, ending = os.path.splitext(name)
            is_logo = name.startswith(_LOGO) and name.isascii() and name.isprintable()
            if ending in _TYPES and (is_logo or name in _OTHERS) and len(found) < MOST:
                content = _read(place, name)
                if content is not None:
                    key = stem if is_logo else name
                    found[key] = Resource(name, _TYPES[ending], content)
        return found
    finally:
        os.close(place)


def _read(place: int, name: str) -> bytes | None:
    """The content of a regular file that is not too large; None for anything else."""
    try:
        file = os.open(name, _FLAGS, dir_fd=place)
    except OSError:  # a link, or not readable
        return None
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
            return None
        content = os.read(file, LARGEST + 1)
        return content if len(content) <= LARGEST else None
    finally:
        os.close(file)
