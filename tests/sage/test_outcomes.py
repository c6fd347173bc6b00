"""What came is the same value, whichever way it came."""

from __future__ import annotations

from tests.sage.outcomes import Outcome

PLOT = {"image/png": "iVBO", "text/plain": "Graphics object"}
INTERACT = {
    "application/sage-interact": {
        "new_interact_id": "i1",
        "controls": {"n": {"control_type": "slider", "subtype": "discrete"}},
    },
    "text/plain": "An interact",
}
ERROR = {"ename": "ValueError", "evalue": "no", "traceback": ["\x1b[31mline 1\x1b[0m", "no"]}


def stream(name, text):
    return {"msg_type": "stream", "content": {"name": name, "text": text}}


def data(msg_type, data):
    return {"msg_type": msg_type, "content": {"data": data}}


def test_messages():
    outcome = Outcome.of_messages(
        [
            {"msg_type": "status", "content": {"execution_state": "busy"}},
            stream("stdout", "1\n"),
            stream("stderr", "a warning\n"),
            stream("stdout", "2\n"),
            data("display_data", PLOT),
            data("display_data", INTERACT),
            data("display_data", {"application/sage-clear": {"changed": ["n"]}}),
            data("execute_result", {"text/plain": "42"}),
            {"msg_type": "error", "content": ERROR},
            {"msg_type": "execute_reply", "content": {"payload": [{"new_files": ["b", "a"]}]}},
        ]
    )
    assert outcome == Outcome(
        stdout="1\n2\n",
        stderr="a warning\n",
        result="42",
        shown=[PLOT],
        error="ValueError: no",
        traceback="line 1\nno",
        controls={"n": "slider"},
        files=["a", "b"],
        interact="i1",
    )


def test_a_value_that_is_more_than_text():
    outcome = Outcome.of_messages([data("execute_result", PLOT)])
    assert (outcome.result, outcome.shown) == ("", [PLOT])


def test_an_error_that_was_printed():
    reply = {"msg_type": "execute_reply", "content": {"status": "error", **ERROR}}
    outcome = Outcome.of_messages([stream("stderr", "ValueError: no\n"), reply])
    assert (outcome.stderr, outcome.error) == ("ValueError: no\n", "ValueError: no")


def test_the_kernel_ended():
    dead = {"execution_state": "dead", "message": "The program ended unexpectedly."}
    outcome = Outcome.of_messages([{"msg_type": "status", "content": dead}])
    assert outcome.ended == "The program ended unexpectedly."


def test_an_answer_of_the_service():
    answer = {
        "success": False,
        "stdout": "1\n",
        "displays": [{"data": PLOT}, {"data": INTERACT}],
        "result": {"data": {"text/plain": "42"}},
        "files": {"b": "/kernel/1/files/b", "a": "/kernel/1/files/a"},
        "execute_reply": {"status": "error", **ERROR},
    }
    assert Outcome.of_service(answer) == Outcome(
        stdout="1\n",
        result="42",
        shown=[PLOT],
        error="ValueError: no",
        traceback="line 1\nno",
        controls={"n": "slider"},
        files=["a", "b"],
        interact="i1",
    )
    assert Outcome.of_service({"success": False, "message": "Too late."}).ended == "Too late."
