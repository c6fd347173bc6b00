"""`sys._sage_` in a forked kernel, attribute by attribute."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.integration


def test_it_has_what_programs_call(cell):
    """contract: 5.1"""
    names = {
        *("display_message", "stream_message", "reset_kernel_timeout", "javascript"),
        *("new_files", "sent_files", "threejs", "register_handler", "send_message"),
        *("namespace", "clear", "update_interact"),
    }
    assert names <= set(eval(cell.value("dir(sys._sage_)")))


def test_display_message(cell):
    """contract: 5.1"""
    code = "sys._sage_.display_message({'a/b': 1}, {'interact_id': 'x'}); sys._sage_.display_message(5)"
    result = cell.run(code)
    first, second = (m for m in result.messages if m["msg_type"] == "display_data")
    assert first["content"]["data"] == {"a/b": 1}
    assert first["content"]["source"] == "sagecell"
    assert first["metadata"] == {"interact_id": "x"}
    assert second["content"]["data"] == {"text/plain": "5"}


def test_stream_message_in_order(cell):
    """contract: 5.1"""
    result = cell.run("print(1)\nsys._sage_.stream_message('stdout', '2')\nprint(3)")
    assert result.text() == "1\n23\n"
    assert cell.run("sys._sage_.stream_message('x', '')").reply["ename"] == "ValueError"


def test_javascript_and_clear(cell):
    """contract: 4.7, 4.9, 5.1"""
    result = cell.run("sys._sage_.javascript('f()'); sys._sage_.clear(); sys._sage_.clear(['a'])")
    assert [content["data"] for content in result.of("display_data")] == [
        {"application/javascript": "f()"},
        {"application/sage-clear": {"changed": None}},
        {"application/sage-clear": {"changed": ["a"]}},
    ]


def test_reset_kernel_timeout(cell):
    """contract: 5.1"""
    result = cell.run(
        "sys._sage_.reset_kernel_timeout(5)\nsys._sage_.reset_kernel_timeout(float('inf'))"
    )
    first, second = (content["timeout"] for content in result.of("kernel_timeout"))
    assert first == 5.0
    assert second > 1e300
    for wrong in ("float('nan')", "'x'"):
        assert cell.run(f"sys._sage_.reset_kernel_timeout({wrong})").reply["ename"] == "ValueError"


def test_new_files_and_sent_files(cell):
    """contract: 4.19, 4.20, 5.1"""
    code = """
import os
os.mkdir('d')
for name in ('a', 'd/b', 'known'):
    open(name, 'w').write('x')
sys._sage_.sent_files['known'] = os.path.getmtime('known')
print(sys._sage_.new_files('./d'), sorted(sys._sage_.sent_files), sys._sage_.new_files())
open('c', 'w').write('y')
"""
    result = cell.run(code)
    assert result.text() == "['d/b'] ['a', 'd/b', 'known'] []\n"
    assert sorted(result.reply["payload"][0]["new_files"]) == ["a", "c", "d/b"]
    sent = {m["content"]["name"] for m in result.messages if m["msg_type"] == "sagecell_file"}
    assert sent == {"a", "d/b", "known", "c"}
    cell.run("sys._sage_.sent_files.update(a='spoilt')\nopen('a', 'w').write('zz')")
    assert cell.run("open('known', 'w').write('changed')").reply["payload"][0]["new_files"] == [
        "known"
    ]


def test_threejs_says_what_it_needs(cell):
    """contract: 5.1"""
    result = cell.run("threejs(5)")
    assert result.reply["evalue"] == "threejs needs Sage, which is not installed on this server."


def test_handlers_and_messages_of_a_programs_own(cell):
    """contract: 5.1"""
    code = """
def answer(stream, ident, message):
    content = {'twice': 2 * message['content']['n']}
    sys._sage_.send_message(stream, 'double_reply', content, message, ident=ident)
sys._sage_.register_handler('double', answer)
"""
    cell.run(code)
    assert cell.result(cell.request("double", n=4)).reply == {"twice": 8}
    for key in ("execute_request", "comm_open", "sagenb.interact.update_interact"):
        result = cell.run(f"sys._sage_.register_handler({key!r}, print)")
        assert result.reply["evalue"] == f"The kernel itself answers {key!r}."


def test_update_interact(cell):
    """contract: 5.1"""
    code = "@interact\ndef f(n=(0, 10, 1), m=5):\n    print(n, m)"
    kind = "application/sage-interact"
    (content,) = (c["data"][kind] for c in cell.run(code).of("display_data"))
    update = f"sys._sage_.update_interact({content['new_interact_id']!r}, "
    assert cell.run(update + "'n', 3)").text() == "3 5\n"
    assert cell.run(update + "'n', 4, do_update=False)").text() == ""
    assert cell.run(update + "{'m': '1'})").text() == "4 1\n"
    assert cell.run(update + "'n', 11)").reply["ename"] == "ValueError"


def test_namespace(cell):
    """contract: 5.4"""
    cell.run(
        "sys._sage_.namespace.on('x', 'change', lambda name, value: print(name, value))\nx = 1"
    )
    assert cell.run("x = 2\nprint('then')\nx = 3").text() == "x 2\nthen\nx 3\n"
    assert cell.run("exec('x = 4', globals())\nprint('end')").text() == "end\nx 4\n"
    assert cell.value("get_ipython().user_ns['x']") == "4"
    cell.run("sys._sage_.namespace.off('x')")
    assert cell.run("x = 5").text() == ""


def test_the_programs_file_and_what_stands_in_its_way(cell):
    """contract: 5.4"""
    cell.run("print(1)")
    assert (cell.work / "sagemathcell.py").read_text() == "print(1)"
    cell.run("import os; os.remove('sagemathcell.py'); os.mkfifo('sagemathcell.py')")
    assert cell.value("1+1") == "2"
    cell.run("os.remove('sagemathcell.py'); os.symlink('elsewhere', 'sagemathcell.py')")
    assert cell.value("os.path.exists('elsewhere')") == "False"
