"""Tracebacks have the program's own frames, and no path of the server."""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

import IPython
import pytest

from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider
from sagecell_tx.kernelside.kernel.tracebacks import (
    CellCompiler,
    CellTraceback,
    short_name,
    tidy,
)
from tests.kernelside.driving import Cell, Result

UPDATE = "sagenb.interact.update_interact"

#: What no visitor is to see: where Python, the packages and the server are.
PATHS = sorted({sys.prefix, sys.base_prefix, os.path.dirname(IPython.__file__), os.getcwd()})


def words(result: Result) -> str:
    """All that a result says of errors, without colours."""
    lines = [line for content in result.of("error") for line in content["traceback"]]
    said = [*lines, *(content["evalue"] for content in result.of("error"))]
    said += [*result.reply.get("traceback", []), result.reply.get("evalue", "")]
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(said)) + result.text("stderr")
    assert not [path for path in PATHS if path in text], text
    assert "kernelside" not in text
    assert "IPython/" not in text
    return text


def shown(result: Result) -> list[str]:
    """The lines of the error that was published."""
    words(result)
    (content,) = result.of("error")
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
    return [line.rstrip() for line in text.splitlines() if line.strip(" -")]


def raised(call: Callable[..., Any], *arguments: Any) -> Exception:
    try:
        call(*arguments)
    except Exception as error:
        return error
    raise AssertionError


def names(error: BaseException | None) -> list[str]:
    assert error is not None
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


# --- in memory


def test_a_file_is_named_as_it_is_imported(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/lib/python", "/lib/python/more", None])
    monkeypatch.setenv("HOME", "/home/me")
    for path, name in {
        "/lib/python/json/decoder.py": "json/decoder.py",
        "/lib/python/more/fast.so": "fast.so",
        f"{tmp_path}/mymod.py": "mymod.py",
        "/home/me/data/x.py": "data/x.py",
        "/elsewhere/x.py": "/elsewhere/x.py",
        "<string>": "<string>",
        "x.py": "x.py",
    }.items():
        assert short_name(path) == name
    monkeypatch.setenv("HOME", "/")
    assert short_name("/elsewhere/x.py") == "/elsewhere/x.py"


def test_frames_of_the_server_are_removed():
    error = raised(ContinuousSlider, ("a", 1))
    assert isinstance(error.__cause__, ValueError)
    assert tidy(error) is error.__traceback__
    assert names(error) == ["raised"]
    assert error.__cause__ is None  # all of it happened in the server's code


def test_a_text_that_exec_runs_has_no_lines_to_show():
    with pytest.raises(ZeroDivisionError) as caught:
        exec("1 / 0")
    assert [frame.filename for frame in traceback.extract_tb(tidy(caught.value))] == [__file__]


def test_frames_of_compiled_code_are_removed():
    compiled: dict[str, Any] = {}
    exec(compile("def inverse(): 1 / 0", "sage/matrix/matrix2.pyx", "exec"), compiled)
    error = raised(compiled["inverse"])
    tidy(error)
    assert names(error) == ["raised"]


def test_causes_of_the_program_stay():
    def program():
        try:
            json.loads("{")
        except ValueError as error:
            raise KeyError("x") from error

    error = raised(program)
    tidy(error)
    assert names(error) == ["raised", "program"]
    assert names(error.__cause__)[:2] == ["program", "loads"]


def test_a_chain_that_is_a_ring():
    first, second = ValueError(), ValueError()
    first.__context__, second.__context__ = second, first
    assert tidy(first) is None


class WatchedModule(ModuleType):
    """A module that counts how often its file is asked for."""

    asked = 0

    @property
    def __file__(self) -> None:  # type: ignore[override]
        self.asked += 1


@pytest.mark.parametrize("name", ["<ipython-input-1-abc>", "<string>", "program.sage"])
def test_modules_are_not_searched_for_each_frame(monkeypatch, name):
    module = WatchedModule("watched")
    monkeypatch.setitem(sys.modules, "watched", module)
    formatter = CellTraceback(mode="Context", theme_name="nocolor")
    variables: dict[str, Any] = {}
    exec(compile("def down(n):\n    return 1 / n + down(n - 1)", name, "exec"), variables)
    known = dict(inspect.modulesbyfile)
    asked = []
    for depth in (5, 5, 300):
        try:
            variables["down"](depth)
        except ZeroDivisionError as error:
            before = module.asked
            text = "\n".join(formatter.structured_traceback(type(error), error))
            asked.append(module.asked - before)
            assert "ZeroDivisionError" in text
    assert asked[1] == asked[2] < 10
    assert name not in inspect.modulesbyfile.keys() - known.keys()


def test_an_import_error_does_not_say_from_where():
    error = raised(exec, "from json import nothing")
    tidy(error)
    assert str(error) == "cannot import name 'nothing' from 'json' (json/__init__.py)"


def test_sources_are_kept_and_forgotten():
    compiler = CellCompiler()
    name = compiler.keep("1/0", "Input box")
    assert compiler.format_code_name(name) == ("Input", "box")
    assert compiler.format_code_name("<string>") is None
    assert compiler.format_code_name(compiler.cache("1", 7)) == ("Cell", "In[7]")
    assert compiler.format_code_name(json.__file__) == ("File", "json/__init__.py")
    assert len({compiler.keep(str(number), "Input box") for number in range(1000)}) == 100


# --- in a kernel


def interact_of(cell: Cell, code: str) -> str:
    displays = [content["data"] for content in cell.run(code).of("display_data")]
    (new,) = [each["application/sage-interact"] for each in displays if len(each) == 2]
    interact_id: str = new["new_interact_id"]
    return interact_id


@pytest.mark.integration
def test_text_in_a_box_that_is_no_value(cell):
    """`3+`, and other texts, in the box of an interact."""
    interact_id = interact_of(cell, "@interact\ndef f(n=1):\n    print(1 // n)")

    def lines(text: str) -> list[str]:
        request = cell.request(UPDATE, interact_id=interact_id, values={"n": text})
        return shown(cell.result(request))

    assert lines("3+") == [
        "  Input box, line 1",
        "    3+",
        "     ^",
        "SyntaxError: invalid syntax",
    ]
    assert lines("nope")[-3:] == [
        "Input box, line 1",
        "----> 1 nope",
        "NameError: name 'nope' is not defined",
    ]
    assert lines("0")[1:] == [
        "Cell In[1], line 3, in f(n)",
        "      1 @interact",
        "      2 def f(n=1):",
        "----> 3     print(1 // n)",
        "ZeroDivisionError: integer division or modulo by zero",
    ]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("@interact\ndef f(n=0): 1/n", "ZeroDivisionError: division by zero"),
        ("@interact\ndef f(n=selector([])): pass", "There must be at least one choice."),
        ("@interact\ndef f(s, n=(0, 3)): s.n = 'x'", "must be a number, not 'x'."),
        ("dynamic_expression('1/0')", "ZeroDivisionError: division by zero"),
        ("dynamic_expression('1/')", "SyntaxError: invalid syntax"),
        ("sys._sage_.reset_kernel_timeout('x')", "could not convert string to float: 'x'"),
        ("class A:\n    def __repr__(self): 1/0\ndisplay(A())", "division by zero"),
    ],
)
def test_errors_below_the_servers_own_code(cell, code, last):
    assert shown(cell.run(code))[-1].endswith(last)


@pytest.mark.integration
def test_errors_in_libraries_and_files(cell):
    assert "File json/decoder.py, line " in words(cell.run("import json\njson.loads('{')"))
    (cell.work / "broken.py").write_text("1 +")
    (cell.work / "failing.py").write_text("1 / 0")
    assert "File broken.py, line 1" in words(cell.run("%run broken.py"))
    assert "File failing.py, line 1" in words(cell.run("%run failing.py"))
    assert "(json/__init__.py)" in words(cell.run("from json import nothing"))


@pytest.mark.integration
def test_what_python_itself_prints(cell):
    code = "import json, traceback\ntry: json.loads('{')\nexcept ValueError: traceback.print_exc()"
    assert 'File "json/decoder.py", line ' in words(cell.run(code))
    code = (
        "import threading\nt = threading.Thread(target=json.loads, args='{')\nt.start(); t.join()"
    )
    text = words(cell.run(code))
    assert text.startswith("Exception in thread Thread-")
    assert 'File "json/decoder.py", line ' in text
    code = "class A:\n    def __del__(self): json.loads('{')\nA()\nNone"
    text = words(cell.run(code))
    assert text.startswith("Exception ignored in: <function A.__del__")
    assert 'File "json/decoder.py", line ' in text
    code = "import warnings\nwarnings.warn_explicit('old', UserWarning, json.__file__, 1)"
    assert words(cell.run(code)).startswith("json/__init__.py:1: UserWarning: old\n")
