"""Completion and inspection replies about a program that has not run.

IPython completes magics, symbols and the like; Python's names come from `analysis`, since IPython
would evaluate code to find them. These functions change the kernel, so they must run in a process
that ends with the reply.
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

#: The most matches in a reply, characters of a match, and characters of an explanation.
MOST = 500
MATCH = 128
LONGEST = 30_000

#: Matchers of IPython that evaluate code; disabled in addition to `evaluation`.
_EVALUATING = ["python_matcher", "python_func_kw_matcher", "dict_key_matcher"]


def complete(kernel: Any, code: str, place: int) -> dict[str, Any]:
    """The content of a complete_reply about the cursor at `place` in `code`."""
    completer = kernel.shell.Completer
    # IPython 9 raises KeyError once it is set: its table of policies lacks "forbidden".
    with suppress(KeyError):
        completer.evaluation = "forbidden"
    completer.use_jedi = False
    completer.custom_completers = None  # they import what they complete
    completer.disable_matchers = [f"IPCompleter.{name}" for name in _EVALUATING]
    completer.custom_matchers = [_matcher(kernel.shell)]
    reply: dict[str, Any] = kernel.do_complete(code, place)
    matches = [match for match in reply["matches"] if len(match) <= MATCH]
    kinds = {
        key: [each for each in matched if len(each["text"]) <= MATCH][:MOST]
        for key, matched in reply["metadata"].items()
    }
    return {**reply, "matches": matches[:MOST], "metadata": kinds}


def explain(kernel: Any, code: str, place: int, detail_level: int) -> dict[str, Any]:
    """The content of an inspect_reply about the name before `place` in `code`, or else about the call there."""
    context = CursorContext.at_end_of(code[:place])
    # IPython prefers the call to a name among its arguments.
    name = context.word or token_at_cursor(code, place)
    if context.word and context.is_attribute:
        name = f"{context.owner}.{name}"
    shell = kernel.shell
    analysis = shell.name_analysis.of(_before_statement(code[:place]), shell.user_ns)
    if "." in name or name in analysis.names:
        meaning = _meaning(analysis, name)
        if not isinstance(meaning, KnownObject | KnownInstance):
            return {"status": "ok", "found": False, "data": {}, "metadata": {}}
        # With a plain name, IPython evaluates no attributes.
        name = name.rpartition(".")[2]
        value = meaning.value if isinstance(meaning, KnownObject) else meaning.kind
        kernel.shell.user_ns[name] = value
    reply: dict[str, Any] = kernel.do_inspect(name, len(name), detail_level)
    data = {kind: text[:LONGEST] for kind, text in reply["data"].items()}
    return {**reply, "data": data}


def _matcher(shell: Any) -> Callable[[CompletionContext], dict[str, Any]]:
    """A matcher of a program's names for IPython's completer, as its shell analyses them."""

    @context_matcher(identifier="sagecell.names")  # type: ignore[untyped-decorator]
    def names(context: CompletionContext) -> dict[str, Any]:
        lines = context.full_text.split("\n")
        line = lines[context.cursor_line][: context.cursor_position]
        text = "\n".join([*lines[: context.cursor_line], line])
        word, found, kind = _found(text, line, shell)
        return {
            "completions": [SimpleCompletion(text=each, type=kind) for each in found],
            "matched_fragment": word,
            "suppress": False,
        }

    matcher: Callable[[CompletionContext], dict[str, Any]] = names
    return matcher


def _found(text: str, line: str, shell: Any) -> tuple[str, list[str], str]:
    """The text to complete, its completions, and their type."""
    modules = importable(line)
    if modules is not None:
        word = _last_word(line)
        return word, _starting(word, modules), "module"
    cursor = CursorContext.at_end_of(text)
    if cursor.is_text:
        return "", [], ""
    analysis = shell.name_analysis.of(_before_statement(text), shell.user_ns)
    word = cursor.word
    if cursor.is_attribute:
        known = attributes(_meaning(analysis, cursor.owner))
        return f".{word}", [f".{name}" for name in _starting(word, known)], "attribute"
    known = [f"{name}=" for name in parameters(_meaning(analysis, cursor.callee))]
    known += [*keyword.kwlist, *vars(builtins), *shell.user_ns, *analysis.names]
    return word, _starting(word, known), "variable"


def _meaning(analysis: NameAnalysis, expression: str) -> Meaning:
    try:
        return analysis.meaning(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _starting(word: str, names: Iterable[str]) -> list[str]:
    """The names that begin with `word`; private ones only if `word` is private, too."""
    return sorted(
        name for name in set(names) if name.startswith(word) and (word or not name.startswith("_"))
    )


def _last_word(line: str) -> str:
    """The name at the end of an import statement, dotted or plain."""
    return line[max(line.rfind(" "), line.rfind(","), line.rfind("("), line.rfind("\t")) + 1 :]


def _before_statement(text: str) -> str:
    """The program before the cursor's statement, and the indentation of the cursor's line."""
    program, newline, line = text.rpartition("\n")
    indentation = line[: len(line) - len(line.lstrip())]
    before, semicolon, _ = line.rpartition(";")
    return program + newline + (f"{before}\n" if semicolon else "") + indentation
