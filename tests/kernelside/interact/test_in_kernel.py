"""Interacts in a forked kernel, as its client sees them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernelside.driving import Cell, Result

pytestmark = pytest.mark.integration

PRELOAD = "numpy,matplotlib.pyplot"

UPDATE = "sagenb.interact.update_interact"
NEW = "application/sage-interact"

SLIDER = """
@interact
def f(n=(0, 10, 1)):
    print('n is', n)
"""


def new(result: Result) -> list[dict]:
    """The interacts that were announced."""
    return [c["data"][NEW] for c in result.of("display_data") if NEW in c["data"]]


def update(cell: Cell, interact_id: object, values: object, **more: Any) -> Result:
    return cell.result(cell.request(UPDATE, interact_id=interact_id, values=values, **more))


def blocks(result: Result, kind: str) -> list:
    """The blocks that messages of a type belong to."""
    return [m["metadata"].get("interact_id") for m in result.messages if m["msg_type"] == kind]


def test_announced_run_and_updated(cell):
    """contract: 4.1, 4.7, 4.18, 5.3"""
    result = cell.run("print('before')\n" + SLIDER + "print('after')")
    (content,) = new(result)
    interact_id = content["new_interact_id"]
    assert result.text() == "before\nn is 0\nafter\n"
    assert blocks(result, "stream") == [None, interact_id, None]
    assert result.of("kernel_timeout")[0]["timeout"] > 1e300
    result = update(cell, interact_id, {"n": 4}, update_last=True, user_expressions={})
    assert result.reply == {
        "status": "ok",
        "result": None,
        "user_expressions": {},
        "payload": [],
    }
    kinds = [message["msg_type"] for message in result.messages]
    assert kinds == ["status", "display_data", "stream", "status"]
    assert blocks(result, "display_data") == blocks(result, "stream") == [interact_id]
    assert result.of("display_data")[0]["data"] == {"application/sage-clear": {"changed": ["n"]}}
    assert result.text() == "n is 4\n"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({}, "unknown_interact"),
        ({"interact_id": "x", "values": {}}, "unknown_interact"),
        ({"interact_id": ..., "values": 5}, "invalid_request"),
        ({"interact_id": ..., "values": {"n": "4"}}, "invalid_value"),
        ({"interact_id": ..., "values": {"n": 11}}, "invalid_value"),
        ({"interact_id": ..., "values": {"m": 4}}, "unknown_control"),
        ({"interact_id": ..., "values": {"n": 4}, "update_last": 1}, "invalid_request"),
    ],
)
def test_what_is_refused_is_answered(cell, content, word):
    (announced,) = new(cell.run(SLIDER))
    if content.get("interact_id") is ...:
        content = {**content, "interact_id": announced["new_interact_id"]}
    result = cell.result(cell.request(UPDATE, **content))
    assert (result.reply["status"], result.reply["ename"]) == ("error", word)
    assert result.reply["evalue"].endswith(".")
    assert [message["msg_type"] for message in result.messages] == ["status", "status"]
    assert update(cell, announced["new_interact_id"], {}).text() == "n is 0\n"


def test_an_error_in_the_block(cell):
    (content,) = new(cell.run("@interact\ndef f(n=1):\n    print(1 // n)"))
    for text, name in (("0", "ZeroDivisionError"), ("2+", "SyntaxError"), ("nope", "NameError")):
        result = update(cell, content["new_interact_id"], {"n": text})
        assert (result.reply["status"], result.reply["ename"]) == ("error", name)
        assert blocks(result, "error") == [content["new_interact_id"]]
        assert result.of("error")[0]["ename"] == name
    assert update(cell, content["new_interact_id"], {"n": "1"}).text() == "1\n"


def test_an_interrupt_breaks_an_update(cell):
    code = "@interact\ndef f(n=(0, 10, 1)):\n    print('up', flush=True)\n    while n: pass"
    (content,) = new(cell.run(code))
    request = cell.request(UPDATE, interact_id=content["new_interact_id"], values={"n": 1})
    cell.until_printed("up\n")
    cell.signal("INT")
    result = cell.result(request)
    assert (result.reply["status"], result.reply["ename"]) == ("error", "KeyboardInterrupt")
    assert blocks(result, "error") == [content["new_interact_id"]]
    assert update(cell, content["new_interact_id"], {"n": 0}).text() == "up\n"
    assert cell.run("print(1)").messages[2]["metadata"] == {}


def test_two_and_one_within_another(cell):
    """contract: 4.18"""
    (one, two) = new(cell.run(SLIDER + SLIDER.replace("n is", "m is")))
    assert update(cell, two["new_interact_id"], {"n": 2}).text() == "m is 2\n"
    assert update(cell, one["new_interact_id"], {"n": 1}).text() == "n is 1\n"
    code = "@interact\ndef f(n=(1, 3, 1)):\n    @interact\n    def g(k=n): print(n, k)"
    result = cell.run(code)
    (outer, inner) = new(result)
    assert blocks(result, "display_data") == [None, outer["new_interact_id"]]
    assert blocks(result, "stream") == [inner["new_interact_id"]]
    assert update(cell, inner["new_interact_id"], {"k": "7"}).text() == "1 7\n"
    result = update(cell, outer["new_interact_id"], {"n": 2})
    assert result.text() == "2 2\n"
    gone = update(cell, inner["new_interact_id"], {"k": "7"})
    assert gone.reply["ename"] == "unknown_interact"


def test_output_of_every_kind_is_in_the_block(cell):
    """contract: 4.8, 4.9, 4.18"""
    code = """
import os, sys
from IPython.display import HTML, clear_output
@interact
def f(n=1):
    os.system('echo below')
    print('err', file=sys.stderr)
    display(HTML('<b>'))
    sys._sage_.javascript('1+1')
    sys._sage_.stream_message('stdout', 'said')
    clear_output()
"""
    result = cell.run(code)
    (content,) = new(result)
    interact_id = content["new_interact_id"]
    assert set(blocks(result, "stream")) == {interact_id}
    assert blocks(result, "display_data") == [None, interact_id, interact_id]
    assert blocks(result, "clear_output") == [interact_id]
    shown = [c["data"] for c in result.of("display_data")][1:]
    assert "text/html" in shown[0]
    assert shown[1] == {"application/javascript": "1+1"}
    assert "below\n" in result.text()
    assert "said" in result.text()


def test_a_plot_is_in_the_block_with_and_without_show(cell):
    """contract: 5.4"""
    code = """
import matplotlib.pyplot as plt
plt.plot([1])
@interact
def f(n=1, show=False):
    plt.figure()
    plt.plot([n, 2])
    if show: plt.show()
"""
    result = cell.run(code)
    (content,) = new(result)
    interact_id = content["new_interact_id"]
    assert blocks(result, "display_data") == [None, interact_id, None]
    result = update(cell, interact_id, {"n": "3", "show": True})
    assert blocks(result, "display_data") == [interact_id, interact_id]
    assert "image/png" in result.of("display_data")[1]["data"]


def test_files_are_published_and_named(cell):
    """contract: 4.10, 4.19, 4.20"""
    code = """
@interact
def f(n=1):
    open(f'{n}.txt', 'w').write('x')
    open('octave.png', 'w').write('picture')
"""
    result = cell.run(code, user_expressions={"_sagecell_files": "sys._sage_.new_files()"})
    (content,) = new(result)
    assert result.reply["payload"] == [{"source": "sagecell", "new_files": ["1.txt"]}]
    values = result.reply["user_expressions"]["_sagecell_files"]
    assert values["data"]["text/plain"] == "['1.txt']"
    result = update(
        cell,
        content["new_interact_id"],
        {"n": "2"},
        user_expressions={"_sagecell_files": "sys._sage_.new_files()", "bad": 5},
    )
    assert result.reply["payload"] == [{"source": "sagecell", "new_files": ["2.txt"]}]
    assert list(result.reply["user_expressions"]) == ["_sagecell_files"]
    pictures = [c["data"].get("text/image-filename") for c in result.of("display_data")]
    assert pictures[-1].startswith("octave.png?m=")


def test_a_slider_and_output_without_a_function(cell):
    """contract: 4.6"""
    result = cell.run("dynamic(x=(0, 10, 1))\ndynamic_expression('x + 1')")
    kind = "application/sage-interact-control"
    slider, region = (c["data"][kind] for c in result.of("display_data") if kind in c["data"])
    about = {"namespace": slider["namespace"], "variable": "x"}
    moved = cell.request("variable_update", **about, control=slider["control_id"], value=4)
    result = cell.result(moved)
    assert result.reply["status"] == "ok"
    variable = result.of("display_data")[0]["data"]["application/sage-interact-variable"]
    assert variable == {**about, "control": slider["control_id"]}
    result = cell.result(cell.request("control_update", **about, control_id=region["control_id"]))
    assert set(blocks(result, "display_data")) == {region["control_id"]}
    assert result.of("display_data")[-1]["data"]["text/plain"] == "5"
    # In each way that a program can change it.
    for code in ("x = 6", "def g():\n    global x\n    x = 7\ng()"):
        told = cell.run(code).of("display_data")[0]["data"]["application/sage-interact-variable"]
        assert told == {**about, "control": None}
    assert cell.result(cell.request("variable_update")).reply["ename"] == "unknown_namespace"


def test_an_exercise(cell):
    """contract: 5.2"""
    (content,) = new(cell.run("%exercise\nquestion = 'Twice two?'\nanswer = 4"))
    assert content["controls"]["question"]["value"] == "Twice two?"
    result = update(cell, content["new_interact_id"], {"answer": "4"})
    assert result.of("display_data")[-1]["data"]["text/plain"] == "Correct."


def test_they_are_there_after_a_reset(cell):
    cell.run("interact = 5\n%reset -f")
    assert len(new(cell.run(SLIDER))) == 1
