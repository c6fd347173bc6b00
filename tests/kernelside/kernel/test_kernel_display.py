"""The messages of all ways to display something in a cell."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.integration


def test_many_are_complete_and_in_order(cell):
    result = cell.run("for i in range(3000): display(i)")
    shown = [content["data"] for content in result.of("display_data")]
    assert shown == [{"text/plain": str(number)} for number in range(3000)]


def test_with_metadata(cell):
    code = "display({'text/html': '<b>'}, raw=True, metadata={'text/html': {'a': [1, None]}})"
    assert cell.run(code).of("display_data") == [
        {
            "data": {"text/html": "<b>"},
            "metadata": {"text/html": {"a": [1, None]}},
            "transient": {},
        }
    ]


def test_one_that_is_updated(cell):
    result = cell.run("handle = display(1, display_id='me')\nhandle.update(2)")
    (first,), (second,) = result.of("display_data"), result.of("update_display_data")
    assert first["data"]["text/plain"] == "1"
    assert second["data"]["text/plain"] == "2"
    assert first["transient"] == second["transient"] == {"display_id": "me"}


def test_what_json_does_not_know(cell):
    """contract: 2.2"""
    code = "display({'application/json': {'x': float('nan'), 1: 2**70, 'd': b'b'}}, raw=True)"
    (content,) = cell.run(code).of("display_data")
    assert content["data"]["application/json"] == {"x": "nan", "1": 2**70, "d": "Yg=="}


def test_numbers_of_types_that_a_library_has_made(cell):
    """contract: 2.2"""
    code = """
import numbers
class Whole:
    def __int__(self): return 2**70
class Real:
    def __float__(self): return 0.5
numbers.Integral.register(Whole)
numbers.Real.register(Real)
display({'application/json': {'whole': Whole(), 'real': [Real()]}}, raw=True)
"""
    (content,) = cell.run(code).of("display_data")
    assert content["data"]["application/json"] == {"whole": 2**70, "real": [0.5]}


def test_by_a_formatter_that_the_cell_installed(cell):
    cell.run(
        """
display(1)
html = get_ipython().display_formatter.formatters['text/html']
html.for_type(int, lambda number: f'<b>{number}</b>');
"""
    )
    result = cell.run("display(1)\n2")
    (shown,), (value,) = result.of("display_data"), result.of("execute_result")
    assert shown["data"] == {"text/plain": "1", "text/html": "<b>1</b>"}
    assert value["data"] == {"text/plain": "2", "text/html": "<b>2</b>"}


def test_by_a_displayhook_of_the_cell(cell):
    code = "import sys\nold = sys.displayhook\nsys.displayhook = lambda value: display('hooked')"
    result = cell.run(f"{code}\nsys.displayhook(1)\nsys.displayhook = old")
    assert result.of("display_data")[0]["data"] == {"text/plain": "'hooked'"}


def test_through_the_hooks_of_the_cell(cell):
    result = cell.run(
        """
shell = get_ipython()
def change(message):
    message['content']['data'] = {'text/plain': 'changed'}
    return message
shell.display_pub.register_hook(change)
display(1)
shell.display_pub.unregister_hook(change)
shell.display_pub.register_hook(lambda message: None)
display(2)
"""
    )
    assert [content["data"] for content in result.of("display_data")] == [{"text/plain": "changed"}]


def test_where_the_cell_has_replaced_the_streams(cell):
    code = """
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as caught:
    print('kept')
    display(1)
print(caught.getvalue(), end='')
"""
    result = cell.run(code)
    assert result.text() == "kept\n"
    assert len(result.of("display_data")) == 1


def test_a_comm_with_buffers(cell):
    code = """
from comm import create_comm
link = create_comm(target_name='there', data={'a': 1}, metadata={'m': 2}, buffers=[b'abc'])
link.send({'b': 2}, buffers=[memoryview(b'de'), bytearray(b'f')])
link.close()
"""
    result = cell.run(code)
    said = {
        message["msg_type"]: message
        for message in result.messages
        if message["msg_type"].startswith("comm")
    }
    assert said["comm_open"]["content"]["target_name"] == "there"
    assert said["comm_open"]["metadata"] == {"m": 2}
    assert [bytes(each) for each in said["comm_open"]["buffers"]] == [b"abc"]
    assert said["comm_msg"]["content"]["data"] == {"b": 2}
    assert [bytes(each) for each in said["comm_msg"]["buffers"]] == [b"de", b"f"]
    assert "comm_close" in said


def test_what_a_subprocess_wrote_before_comes_before(cell):
    result = cell.run("import os\nfor i in range(5):\n    os.system(f'echo {i}')\n    display(i)")
    said = [
        message["content"].get("text") or message["content"]["data"]["text/plain"]
        for message in result.messages
        if message["msg_type"] in ("stream", "display_data")
    ]
    assert said == [text for number in range(5) for text in (f"{number}\n", f"{number}")]
