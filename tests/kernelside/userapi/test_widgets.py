"""ipywidgets in a forked kernel."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

#: The part of a slider that the page hears first, of its model.
SLIDER = "from ipywidgets import IntSlider\nslider = IntSlider(3)\nslider"


def comm_of(result, name):
    """The id of the comm of the model with this name."""
    return next(
        content["comm_id"]
        for content in result.of("comm_open")
        if content["data"]["state"]["_model_name"] == name
    )


def test_a_widget_keeps_the_session_open_once(cell):
    result = cell.run(SLIDER)
    (asked,) = result.of("kernel_timeout")
    assert asked["timeout"] > 1e300
    kinds = [message["msg_type"] for message in result.messages]
    assert kinds.index("kernel_timeout") < kinds.index("comm_open")
    assert cell.run("IntSlider(4)").of("kernel_timeout") == []


def test_a_program_says_for_how_long_itself(cell):
    result = cell.run(f"sys._sage_.reset_kernel_timeout(60)\n{SLIDER}")
    assert [content["timeout"] for content in result.of("kernel_timeout")] == [60.0]


def test_other_comms_keep_nothing_open(cell):
    code = "from comm import create_comm\ncreate_comm(target_name='t', comm_id='own')"
    result = cell.run(code)
    assert [content["comm_id"] for content in result.of("comm_open")] == ["own"]
    assert result.of("kernel_timeout") == []


def test_an_event_changes_the_value_and_is_repeated(cell):
    comm_id = comm_of(cell.run(SLIDER), "IntSliderModel")
    data = {"method": "update", "state": {"value": 5}, "buffer_paths": []}
    request = cell.request("comm_msg", comm_id=comm_id, data=data)
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["content"].get("execution_state") != "idle":
        message = cell.message()
        if message["parent_header"].get("msg_id") == request:
            heard.append(message)
    (echo,) = (each["content"]["data"] for each in heard if each["msg_type"] == "comm_msg")
    assert echo["method"] == "echo_update"
    assert echo["state"] == {"value": 5}
    assert cell.value("slider.value") == "5"


def test_captured_output_lies_between_the_messages_that_say_so(cell):
    result = cell.run(
        "from ipywidgets import Output\nout = Output()\nprint('a')\n"
        "with out:\n    print('b')\nprint('c')"
    )
    order = [
        message["content"]["data"]["state"]["msg_id"] != ""
        if message["msg_type"] == "comm_msg"
        else message["content"]["text"]
        for message in result.messages
        if message["msg_type"] in {"comm_msg", "stream"}
    ]
    assert order == ["a\n", True, "b\n", False, "c\n"]
