"""The answers to questions about a program that has not run.

IPython finds magics, symbols and the like; what Python's names are is read from the program
(see `analysis`), since IPython would evaluate it to know. The kernel that answers is changed: it
must be one that ends with the answer.
"""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher
from IPython.utils.tokenutil import token_at_cursor

from sagecell_tx.kernelside.completion.analysis import (
    KnownInstance,
    KnownObject,
    Meaning,
    NameAnalysis,
    attributes,
    parameters,
)
from sagecell_tx.kernelside.completion.cursor import CursorContext
from sagecell_tx.kernelside.completion.modules import importable

#: Matches in an answer, characters in one of them, and characters of an explanation.
MOST = 500
MATCH = 128
LONGEST = 30_000

#: What IPython would evaluate for, beside that its own setting forbids it.
_EVALUATING = ["python_matcher", "python_func_kw_matcher", "dict_key_matcher"]


def complete(kernel: Any, code: str, place: int) -> dict[str, Any]:
    """The content of a complete_reply about the cursor at `place` in `code`."""
    completer = kernel.shell.Completer
    # IPython 9 looks it up, when it is set already, in a table that has all of them but this.
    with suppress(KeyError):
        completer.evaluation = "forbidden"
    completer.use_jedi = False
    completer.custom_completers = None  # they import what they complete
    completer.disable_matchers = [f"IPCompleter.{name}" for name in _EVALUATING]
    completer.custom_matchers = [_matcher(kernel.shell.user_ns)]
    reply: dict[str, Any] = kernel.do_complete(code, place)
    matches = [match for match in reply["matches"] if len(match) <= MATCH]
    kinds = {
        key: [each for each in told if len(each["text"]) <= MATCH][:MOST]
        for key, told in reply["metadata"].items()
    }
    return {**reply, "matches": matches[:MOST], "metadata": kinds}


def explain(kernel: Any, code: str, place: int, detail_level: int) -> dict[str, Any]:
    """The content of an inspect_reply about the cursor at `place` in `code`."""
    name = token_at_cursor(code, place)
    analysis = NameAnalysis.of(_before_statement(code[:place]), kernel.shell.user_ns)
    if "." in name or name in analysis.names:
        meaning = _meaning(analysis, name)
        if not isinstance(meaning, KnownObject | KnownInstance):
            return {"status": "ok", "found": False, "data": {}, "metadata": {}}
        # IPython explains what has a plain name.
        name = name.rpartition(".")[2]
        value = meaning.value if isinstance(meaning, KnownObject) else meaning.kind
        kernel.shell.user_ns[name] = value
    reply: dict[str, Any] = kernel.do_inspect(name, len(name), detail_level)
    data = {kind: text[:LONGEST] for kind, text in reply["data"].items()}
    return {**reply, "data": data}


def _matcher(before: dict[str, Any]) -> Callable[[CompletionContext], dict[str, Any]]:
    """What IPython's completer asks for Python's names; those of `before` are there already."""

    @context_matcher(identifier="sagecell.names")  # type: ignore[untyped-decorator]
    def names(context: CompletionContext) -> dict[str, Any]:
        lines = context.full_text.split("\n")
        line = lines[context.cursor_line][: context.cursor_position]
        text = "\n".join([*lines[: context.cursor_line], line])
        word, found, kind = _found(text, line, before)
        return {
            "completions": [SimpleCompletion(text=each, type=kind) for each in found],
            "matched_fragment": word,
            "suppress": False,
        }

    matcher: Callable[[CompletionContext], dict[str, Any]] = names
    return matcher


def _found(text: str, line: str, before: dict[str, Any]) -> tuple[str, list[str], str]:
    """What is completed, by what, and of what kind that is."""
    modules = importable(line)
    if modules is not None:
        word = _last_word(line)
        return word, _starting(word, modules), "module"
    pointed = CursorContext.at_end_of(text)
    if pointed.is_text:
        return "", [], ""
    analysis = NameAnalysis.of(_before_statement(text), before)
    word = pointed.word
    if pointed.is_attribute:
        known = attributes(_meaning(analysis, pointed.owner))
        return f".{word}", [f".{name}" for name in _starting(word, known)], "attribute"
    known = [f"{name}=" for name in parameters(_meaning(analysis, pointed.callee))]
    known += [*keyword.kwlist, *vars(builtins), *before, *analysis.names]
    return word, _starting(word, known), "variable"


def _meaning(analysis: NameAnalysis, expression: str) -> Meaning:
    try:
        return analysis.meaning(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _starting(word: str, names: Iterable[str]) -> list[str]:
    """Those that begin with `word`; what is private only if that is."""
    return sorted(
        name for name in set(names) if name.startswith(word) and (word or not name.startswith("_"))
    )


def _last_word(line: str) -> str:
    """The dotted name at the end, or the plain one behind ``import``."""
    return line[max(line.rfind(" "), line.rfind(","), line.rfind("("), line.rfind("\t")) + 1 :]


def _before_statement(text: str) -> str:
    """What stands before the statement of the cursor, and the indentation of its line."""
    program, newline, line = text.rpartition("\n")
    indentation = line[: len(line) - len(line.lstrip())]
    before, semicolon, _ = line.rpartition(";")
    return program + newline + (f"{before}\n" if semicolon else "") + indentation
