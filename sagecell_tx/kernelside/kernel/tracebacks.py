"""Tracebacks without the frames of the server's own code, and without paths of its machine."""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType, TracebackType
from typing import Any

import ipykernel
import IPython
from IPython.core.compilerop import CachingCompiler
from IPython.core.ultratb import AutoFormattedTB, SyntaxTB

import sagecell_tx
from sagecell_tx.kernelside.kernel import unreachable

_SERVER = str(sagecell_tx.__file__)

#: Files below these run a program, and are never part of it.
_HIDDEN = tuple(
    f"{os.path.dirname(path)}/" for path in (IPython.__file__, ipykernel.__file__, _SERVER)
)

#: The ends of names of files that are compiled to C, and of which only that is installed.
_COMPILED = (".pyx", ".pxd", ".pxi")

#: The name of a text that `exec` or `eval` runs, of which no line can be shown.
_STRING = "<string>"

#: The most errors of a chain of causes that are looked at.
_CHAIN = 100

#: The most sources that are kept for tracebacks, beside those of cells.
_KEPT = 100


def short_name(path: str) -> str:
    """A file's path without the directory that it is imported or opened from."""
    if not path.startswith("/"):
        return path
    directories = [*_places(), *sys.path, os.path.dirname(os.path.dirname(_SERVER))]
    found = [
        path.removeprefix(f"{each.rstrip('/')}/")
        for each in directories
        if isinstance(each, str) and each.strip("/")
    ]
    return min(found, key=len, default=path)


def _places() -> Iterator[str]:
    """Where the program's own files are."""
    yield os.environ.get("HOME", "")
    with suppress(OSError):  # the program may have removed it
        yield os.getcwd()


def tidy(error: BaseException) -> TracebackType | None:
    """Remove hidden and compiled frames, and paths, from an error and its causes; returns its new traceback.

    A cause that has only hidden frames is none of the program's, and is removed.
    """
    seen: set[int] = set()
    pending = [error]
    while pending and len(seen) < _CHAIN:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, ImportError) and isinstance(each.path, str):
            each.msg = str(each.msg).replace(each.path, short_name(each.path))
        each.__traceback__ = _visible(each.__traceback__)
        cause = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        if cause is None:
            continue
        if cause.__traceback__ is not None and _visible(cause.__traceback__) is None:
            each.__cause__ = None  # sets `__suppress_context__`, too
        else:
            pending.append(cause)
    return error.__traceback__


def fold(error: BaseException, sentence: str) -> None:
    """Leave only the program's own frames of an error and none of its causes, and add a sentence."""
    error.__traceback__ = _filtered(error.__traceback__, _is_own) or error.__traceback__
    error.__cause__ = None
    if sentence not in getattr(error, "__notes__", ()):
        error.add_note(sentence)


def _is_own(path: str) -> bool:
    """Whether it is a cell, a text that was typed, or a file of the program."""
    return path.startswith(("<", *(f"{each}/" for each in _places() if each.strip("/"))))


def _visible(frames: TracebackType | None) -> TracebackType | None:
    return _filtered(
        frames,
        lambda path: not path.startswith(_HIDDEN) and not path.endswith((*_COMPILED, _STRING)),
    )


def _filtered(
    frames: TracebackType | None, is_shown: Callable[[str], bool]
) -> TracebackType | None:
    """A copy of a traceback with the frames of some files only."""
    shown = []
    while frames is not None:
        if is_shown(frames.tb_frame.f_code.co_filename):
            shown.append(frames)
        frames = frames.tb_next
    for each in reversed(shown):
        frames = TracebackType(frames, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return frames


# --- IPython's tracebacks


@contextmanager
def _modules_known(error: BaseException | None, frames: TracebackType | None) -> Iterator[None]:
    """Let `inspect` know which of the files in an error's frames belong to no module.

    IPython asks for the module of each frame, and `inspect` searches the files of all modules, which
    it does not remember if it finds none. Deep recursion in Sage would take a quarter of a minute.
    """
    added = set()
    for name, frame in _files(error, frames).items():
        if inspect.getmodule(frame) is None:
            with suppress(OSError):  # the working directory may have been removed
                added |= {name, inspect.getabsfile(frame, name)}
    added -= inspect.modulesbyfile.keys()
    inspect.modulesbyfile.update(dict.fromkeys(added, ""))  # no module has this name
    try:
        yield
    finally:
        for name in added:
            inspect.modulesbyfile.pop(name, None)


def _files(error: BaseException | None, frames: TracebackType | None) -> dict[str, FrameType]:
    """A frame of each file in these frames, and in those of the error's causes."""
    files: dict[str, FrameType] = {}
    for _ in range(_CHAIN):
        while frames is not None:
            files.setdefault(frames.tb_frame.f_code.co_filename, frames.tb_frame)
            frames = frames.tb_next
        error = error and (error.__cause__ or error.__context__)
        if error is None:
            break
        frames = error.__traceback__
    return files


class CellTraceback(AutoFormattedTB):  # type: ignore[misc]
    """IPython's formatter of errors, for what `tidy` leaves of them.

    `unreachable_note` is the sentence for errors that come from a missing network; may be empty.
    """

    unreachable_note = ""

    def structured_traceback(
        self,
        etype: type[BaseException],
        evalue: BaseException | None,
        etb: Any = None,
        tb_offset: int | None = None,
        context: int = 5,
    ) -> list[str]:
        """The lines of an error; `tb_offset` is ignored, as IPython's own frames are gone."""
        lines: list[str]
        if evalue is not None:
            if self.unreachable_note and unreachable.is_unreachable(evalue):
                fold(evalue, self.unreachable_note)
            etb = tidy(evalue)
        if etb is None:
            lines = self.get_exception_only(etype, evalue)
        else:
            with _modules_known(evalue, etb):
                lines = super().structured_traceback(etype, evalue, etb, 0, context)
        return lines


class CellSyntaxTraceback(SyntaxTB):  # type: ignore[misc]
    """IPython's formatter of syntax errors, as above."""

    def structured_traceback(
        self,
        etype: type[BaseException],
        evalue: BaseException | None,
        etb: Any = None,
        tb_offset: int | None = None,
        context: int = 5,
    ) -> list[str]:
        """The lines of an error; `etb` has the entries of the frames that led to it."""
        entries = [each for each in etb or () if not each.filename.startswith(_HIDDEN)]
        lines: list[str] = super().structured_traceback(etype, evalue, entries, 0, context)
        return lines


class CellCompiler(CachingCompiler):  # type: ignore[misc]
    """A compiler whose sources have names for visitors in tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[str, str] = {}
        self._count = 0

    def keep(self, text: str, kind: str) -> str:
        """Keep a source for tracebacks until `_KEPT` more have come; returns a file name for it.

        `kind` is two words for the visitor, such as "Input box".
        """
        self._count += 1
        name = f"<{kind.lower()} {self._count % _KEPT}>"
        self._kept[name] = kind
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        return name

    def format_code_name(self, name: str) -> tuple[str, str] | None:
        """Label and name of a source, None for IPython's default."""
        if name in self._kept:
            label, _, rest = self._kept[name].partition(" ")
            return label, rest
        cell: tuple[str, str] | None = super().format_code_name(name)
        if cell is None and (short := short_name(name)) != name:
            return "File", short
        return cell


# --- IPython's inspections


def shorten_inspections(inspector: Any) -> None:
    """Let IPython's inspector name files as tracebacks do, in what answers ``name?``."""
    info = inspector.info

    def short_info(*arguments: Any, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = info(*arguments, **options)
        if path := found["file"]:
            for key in ("file", "string_form"):
                found[key] = (found[key] or "").replace(path, short_name(path))
        return found

    inspector.info = short_info


# --- Python's own


def shorten_all() -> None:
    """From now on, whatever Python prints of errors and warnings in this process has short paths.

    Replaces `traceback.StackSummary.format_frame_summary` and the hooks for warnings and for errors
    that nobody handles.
    """
    # As Any: mypy forbids the assignments below.
    summaries: Any = traceback.StackSummary
    warning_texts: Any = warnings
    format_frame = summaries.format_frame_summary
    format_warning = warnings.formatwarning

    def format_short(
        stack: traceback.StackSummary, frame: traceback.FrameSummary, **options: Any
    ) -> str:
        text: str = format_frame(stack, frame, **options)
        return text.replace(f'"{frame.filename}"', f'"{short_name(frame.filename)}"', 1)

    def format_short_warning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        line: str | None = None,
    ) -> str:
        if line is None:
            line = linecache.getline(filename, lineno)
        return format_warning(message, category, short_name(filename), lineno, line)

    summaries.format_frame_summary = format_short
    warning_texts.formatwarning = format_short_warning
    # Those of Python up to 3.12 are written in C, which asks nobody how to format a frame.
    threading.excepthook = _thread_failed
    sys.unraisablehook = _unraisable


def explain_threads(note: str) -> None:
    """From now on, errors of threads that come from a missing network end with `note`."""
    threading.excepthook = partial(_thread_failed, unreachable_note=note)


def _thread_failed(failure: threading.ExceptHookArgs, unreachable_note: str = "") -> None:
    if failure.exc_type is SystemExit or failure.exc_value is None:
        return
    name = "" if failure.thread is None else failure.thread.name
    if unreachable_note and unreachable.is_unreachable(failure.exc_value):
        fold(failure.exc_value, unreachable_note)
    tidy(failure.exc_value)
    print(f"Exception in thread {name}:", file=sys.stderr)
    traceback.print_exception(failure.exc_value)


def _unraisable(failure: sys.UnraisableHookArgs) -> None:
    if failure.exc_value is None:
        return
    try:
        source = repr(failure.object)
    except Exception:
        source = object.__repr__(failure.object)
    print(f"{failure.err_msg or 'Exception ignored in'}: {source}", file=sys.stderr)
    traceback.print_exception(failure.exc_value)
