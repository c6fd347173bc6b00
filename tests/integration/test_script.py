"""The contents that a page shows, requested by a script over the raw protocol, and by curl."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest
import requests

from tests.integration.script import Client, ends, reply, text

pytestmark = pytest.mark.integration

PLOT = """
import matplotlib.pyplot as plt
plt.plot([1, 4, 9])
"""

TABLE = """
import pandas
pandas.DataFrame({"n": [1, 2], "square": [1, 4]})
"""

CSV = """
rows = "".join(f"{n},{n * n}\\r\\n" for n in range(30000))
with open("squares.csv", "w", newline="") as file:
    file.write(rows)
"""


def only(messages, msg_type):
    (message,) = [m for m in messages if m["msg_type"] == msg_type]
    return message


def test_text_comes_before_the_reply_and_idle_comes_last(server):
    with Client(server.url) as client:
        said = client.run("print(6 * 7)")
    assert text(said) == "42\n"
    assert [m["msg_type"] for m in said][-2:] == ["execute_reply", "status"]
    assert set(said[0]) == {
        "header", "msg_id", "msg_type", "parent_header", "metadata", "content", "channel",
    }  # fmt: skip


def test_the_session_ends_when_nothing_is_left_to_do(server):
    with Client(server.url) as client:
        client.execute("1")
        last = list(client.receive_all())[-1]
    assert last["msg_type"] == "status"
    assert last["content"]["execution_state"] == "dead"
    assert last["content"]["reason"] == "finished"
    assert last["parent_header"] == {}
    server.until_quiet()


def test_a_plot_a_table_and_a_value(server):
    with Client(server.url, timeout="60") as client:
        plot = only(client.run(PLOT), "display_data")
        assert base64.b64decode(plot["content"]["data"]["image/png"]).startswith(b"\x89PNG")
        table = only(client.run(TABLE), "execute_result")
        assert "<table" in table["content"]["data"]["text/html"]
        value = only(client.run("2 ** 100"), "execute_result")
        assert value["content"]["data"]["text/plain"] == str(2**100)


def test_a_file_is_announced_and_comes_byte_for_byte_also_after_the_end(server):
    """contract: 1.14, T9"""
    expected = "".join(f"{n},{n * n}\r\n" for n in range(30000)).encode()
    with Client(server.url) as client:
        said = client.run(CSV)
        assert reply(said)["payload"][0]["new_files"] == ["squares.csv"]
        assert client.file("squares.csv").content == expected
        list(client.receive_all())
        server.until_quiet()
        late = client.file("squares.csv")
    assert late.content == expected
    assert late.headers["Content-Type"].startswith("text/csv")
    assert late.headers["Cache-Control"] == "no-cache"
    assert "ETag" not in late.headers


def test_a_file_changed_later_is_announced_again(server):
    with Client(server.url, timeout="60") as client:
        client.run("open('a.txt', 'w').write('one')")
        assert client.file("a.txt").text == "one"
        again = client.run("open('a.txt', 'w').write('another')")
        assert reply(again)["payload"][0]["new_files"] == ["a.txt"]
        assert client.file("a.txt").text == "another"
        assert reply(client.run("1"))["payload"] == []


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.symlink('/etc/passwd', 'link.txt')",
        "import os; os.mkfifo('pipe.txt')",
        "import os; os.makedirs('/'.join(['d' * 200] * 10))\n"
        "open('/'.join(['d' * 200] * 10) + '/f.txt', 'w').write('x')",
        "open('a\\nb.txt', 'w').write('x')",
        "open(b'\\xff.txt', 'w').write('x')",
    ],
    ids=["link", "pipe", "long", "newline", "bytes"],
)
def test_a_hostile_file_is_refused_in_words_and_the_cell_goes_on(server, code):
    with Client(server.url, timeout="60") as client:
        said = client.run(code)
        assert reply(said)["status"] == "ok"
        assert not [item for item in reply(said)["payload"] if item.get("new_files")]
        assert "not saved" in text(said, "stderr"), text(said, "stderr")
        assert text(client.run("print('on')")) == "on\n"


def test_an_error_has_a_coloured_traceback(server):
    with Client(server.url) as client:
        said = client.run("def f():\n    1/0\nf()")
    error = only(said, "error")["content"]
    assert error["ename"] == "ZeroDivisionError"
    assert "\x1b[" in "".join(error["traceback"])
    assert reply(said)["status"] == "error"


def test_an_endless_loop_is_interrupted_and_the_session_goes_on(server):
    with Client(server.url, timeout="60") as client:
        msg_id = client.execute("print('in', flush=True)\nwhile True: pass")
        client.until(lambda message: message["msg_type"] == "stream")
        client.send("interrupt_request", {}, "control")
        said = client.until(lambda message: ends(message, msg_id))
        assert only(said, "error")["content"]["ename"] == "KeyboardInterrupt"
        assert text(client.run("print('on')")) == "on\n"


def test_a_kernel_is_stopped_by_delete(server):
    with Client(server.url) as client:
        client.execute("print('in', flush=True)\nwhile True: pass")
        client.until(lambda message: message["msg_type"] == "stream")
        gone = requests.delete(f"{server.url}/kernel/{client.kernel_id}", timeout=60)
        assert (gone.status_code, gone.text) == (200, "")
        last = list(client.receive_all())[-1]
    assert last["content"]["reason"] == "stopped"
    server.until_quiet()


def test_two_clients_on_one_kernel_both_hear_everything(server):
    """contract: T10"""
    with Client(server.url, timeout="60") as first:
        first.run("1")
        with Client(server.url, kernel_id=first.kernel_id) as second:
            msg_id = first.execute("for n in range(100): print(n)")
            heard = [c.until(lambda m: ends(m, msg_id)) for c in (first, second)]
            assert text(heard[0]) == text(heard[1]) == "".join(f"{n}\n" for n in range(100))
            second.close()
            assert text(first.run("print('on')")) == "on\n"


def test_a_permalink_brings_the_program_back(server):
    code = "print('ünï</script>')"
    form = {"code": code, "language": "python"}
    made = requests.post(f"{server.url}/permalink", data=form, timeout=60).json()
    found = requests.get(f"{server.url}/permalink", params={"q": made["query"]}, timeout=60)
    assert found.json() == [code, "python", "[]"]
    for query in ({"q": made["query"]}, {"z": made["zip"]}, {"z": made["zip"].rstrip("=")}):
        page = requests.get(f"{server.url}/", params=query, timeout=60).text
        element = page.split('id="sagecell-page">')[1].split("</script>")[0]
        assert json.loads(element)["code"] == code


def curl(*arguments: str) -> str:
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "60", *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_curl_over_service(server):
    """contract: 11.6"""
    code = "import sys\nprint(6 * 7)\nprint('warning', file=sys.stderr)"
    answer = json.loads(
        curl("--data-urlencode", f"code={code}", "-d", 'user_expressions={"W": "6*7"}',
             f"{server.url}/service")
    )  # fmt: skip
    assert answer["success"] is True
    assert (answer["stdout"], answer["stderr"]) == ("42\n", "warning\n")
    assert answer["execute_reply"]["user_expressions"]["W"]["data"]["text/plain"] == "42"


def test_service_in_json_with_a_value_a_display_and_a_file(server):
    """contract: 1.20, 11.6"""
    code = (
        "from IPython.display import HTML\nopen('a b.txt', 'w').write('kept')\n"
        "display(HTML('<b>1</b>'))\n6 * 7"
    )
    answer = requests.post(f"{server.url}/service", json={"code": code}, timeout=60).json()
    assert answer["success"] is True
    assert answer["result"]["data"]["text/plain"] == "42"
    assert [each["data"]["text/html"] for each in answer["displays"]] == ["<b>1</b>"]
    assert answer["files"]["a b.txt"].startswith(f"{server.url}/kernel/{answer['kernel_id']}/")
    assert requests.get(answer["files"]["a b.txt"], timeout=60).text == "kept"


def test_curl_over_service_with_an_error_and_with_too_much(server):
    failed = json.loads(curl("--data-urlencode", "code=1/0", f"{server.url}/service"))
    assert failed["success"] is False
    assert failed["execute_reply"]["ename"] == "ZeroDivisionError"
    assert "stdout" not in failed
    status = curl("-o", "/dev/null", "-w", "%{http_code}", "-d", f"code={'x' * 65_001}",
                  f"{server.url}/service")  # fmt: skip
    assert status == "413"
    server.until_quiet()
