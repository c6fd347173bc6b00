"""Programs in links, and the names that files may have.

A link carries a program as text (``?c=``), compressed (``?z=``: the URL-safe base64 of the
zlib of its UTF-8) or by the id of a permalink (``?q=``). The shapes are SageMathCell's.
None of the input is trusted.
"""

from __future__ import annotations

import base64
import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence

from attrs import frozen

from sagecell_tx.wire.messages import WireError

#: The most bytes that a zipped program may inflate to, its interacts included: a link of two
#: kilobytes is the page's text of six times as many bytes.
UNZIPPED_LIMIT = 1024 * 1024

NAME_LIMIT = 1024  # bytes of UTF-8
PART_LIMIT = 255  # bytes of UTF-8; what a directory entry holds

_LANGUAGE = re.compile(r"[A-Za-z0-9_+.-]{1,32}")
_IDENT = re.compile(r"[!-~]{1,64}")
_HALF = re.compile("[\ud800-\udfff]")
_BASE64 = re.compile(r"[A-Za-z0-9_-]*")

#: What mail programs and sentences add to the end of a link: punctuation, and blanks of all kinds.
_AFTER_A_LINK = ".,;:!?'\")]}>*|\u2019\u201d\u2026 \t\r\n\xa0\u200b\ufeff"


@frozen(kw_only=True)
class Program:
    """The program in a link, which has none when `code` is None.

    `language` is None when the link names none. `interacts` is JSON text from the link, not
    parsed.
    """

    code: str | None = None
    language: str | None = None
    interacts: str = "[]"
    autoeval: bool = False


@frozen(kw_only=True)
class ProgramReference:
    """A link to a program that is stored under a permalink id, which has not been checked."""

    ident: str
    autoeval: bool = True


def program_from_query(args: Mapping[bytes, Sequence[bytes]]) -> Program | ProgramReference:
    """The program that a query asks for; `args` is shaped like Twisted's ``request.args``.

    `c` wins over `z`, `z` over `q`; `interacts` goes with `z`. Raises `WireError`.
    """
    if b"c" in args:
        code, interacts = clean_text(_text(args, b"c")), "[]"
    elif b"z" in args:
        code = unzip_text(without_ending(_text(args, b"z")))
        left = UNZIPPED_LIMIT - len(code.encode("utf-8"))
        interacts = unzip_text(_text(args, b"interacts"), left) if args.get(b"interacts") else "[]"
    elif b"q" in args:
        return ProgramReference(ident=_text(args, b"q"), autoeval=_autoeval(args, True))
    else:
        return Program(language=_language(args), autoeval=_autoeval(args, False))
    return Program(
        code=code,
        language=_language(args),
        interacts=interacts,
        autoeval=_autoeval(args, True),
    )


def without_ending(link: str) -> str:
    """A link, or the end of one, without the punctuation and blanks that follow it in a text."""
    return link.rstrip(_AFTER_A_LINK)


def _text(args: Mapping[bytes, Sequence[bytes]], name: bytes) -> str:
    """A parameter's text; repeated values are joined."""
    try:
        return b"".join(args[name]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("invalid_text", f"{name.decode()} is not UTF-8 text.") from error


def _language(args: Mapping[bytes, Sequence[bytes]]) -> str | None:
    language = b"".join(args.get(b"lang", ())[:1]).decode("ascii", "replace")
    return language if _LANGUAGE.fullmatch(language) else None


def _autoeval(args: Mapping[bytes, Sequence[bytes]], default: bool) -> bool:
    words = {b"true": True, b"false": False}
    return words.get(b"".join(args.get(b"autoeval", ())[:1]), default)


def zip_text(text: str) -> str:
    """Text in the form of ``?z=``, padded; raises `WireError` for lone surrogates."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise WireError("invalid_text", "The text contains a lone surrogate.") from error
    return base64.urlsafe_b64encode(zlib.compress(data)).decode("ascii")


def unzip_text(zipped: str, limit: int = UNZIPPED_LIMIT) -> str:
    """The text that `zip_text` was given; padding may be missing.

    Raises `WireError` for anything else, and for text of more than `limit` bytes. At most one
    byte more than that is inflated.
    """
    digits = zipped.rstrip("=")
    if not _BASE64.fullmatch(digits) or len(digits) % 4 == 1:
        raise _invalid_zip("not URL-safe base64.")
    data = base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise _invalid_zip("not zlib data.") from error
    if len(inflated) > limit:
        raise _invalid_zip(f"more than {limit} bytes.")
    if not inflater.eof:
        raise _invalid_zip("it is cut short.")
    if inflater.unused_data:
        raise _invalid_zip("something follows its end.")
    try:
        return inflated.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid_zip("not UTF-8 text.") from error


def _invalid_zip(why: str) -> WireError:
    return WireError("invalid_zip", f"Invalid zipped code: {why}")


def clean_text(text: str) -> str:
    """`text` itself; raises `WireError` for NUL or a lone surrogate, which databases may refuse.

    No valid program is refused: Python compiles neither.
    """
    if "\0" in text or _surrogate(text):
        raise WireError("invalid_text", "The text contains NUL or a lone surrogate.")
    return text


def clean_ident(ident: str) -> str:
    """`ident` itself; raises `WireError` unless it is 1 to 64 visible ASCII characters."""
    if not _IDENT.fullmatch(ident):
        raise WireError("invalid_id", "An id is 1 to 64 visible ASCII characters.")
    return ident


def clean_name(name: str) -> str:
    """`name` itself, if it is a relative path that stays within its directory.

    Raises `WireError` with ``invalid_name`` for an empty, absolute or long name, for an
    empty, ``.`` or ``..`` part, a backslash, a control character or a lone surrogate.
    """
    if _surrogate(name):
        raise _invalid_name("a lone surrogate")
    if len(name.encode("utf-8")) > NAME_LIMIT:
        raise WireError("invalid_name", f"A file's name may have {NAME_LIMIT} bytes at most.")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise _invalid_name("control characters")
    if "\\" in name:
        raise _invalid_name("a backslash")
    for part in name.split("/"):
        if part in ("", ".", ".."):
            raise WireError("invalid_name", "A file's name must be a path within its directory.")
        if len(part.encode("utf-8")) > PART_LIMIT:
            raise WireError(
                "invalid_name", f"A part of a file's name may have {PART_LIMIT} bytes at most."
            )
    return name


def _invalid_name(what: str) -> WireError:
    return WireError("invalid_name", f"A file's name may not contain {what}.")


def _surrogate(text: str) -> bool:
    return _HALF.search(text) is not None
