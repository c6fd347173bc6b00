"""A forked kernel as its client sees it."""

from __future__ import annotations

import base64
import re
import sys

import pytest

from sagecell_tx.kernelside import interact, languages
from sagecell_tx.kernelside.files.upload import PIECE
from tests.kernelside.driving import PROGRAM, Server

pytestmark = pytest.mark.integration

PRELOAD = "numpy,matplotlib.pyplot,pandas"


class TestFresh:
    """No trace of what ran before the fork."""

    def test_counts_from_one(self, cell):
        result = cell.run("1+1")
        assert result.reply["execution_count"] == 1
        assert result.of("execute_input") == [{"code": "1+1", "execution_count": 1}]

    def test_has_nothing_in_its_namespace_but_what_all_have(self, cell):
        """contract: 5.2"""
        names = set(eval(cell.value("sorted(n for n in globals() if not n.startswith('_'))")))
        ours = {"dynamic", "dynamic_expression", "exercise", "interact", "sys", "threejs"}
        theirs = {"In", "Out", "exit", "get_ipython", "open", "quit"}
        assert names == theirs | ours | set(interact.NAMES) | set(languages.NAMES)
        assert cell.run("%who").text() == "Interactive namespace is empty.\n"

    def test_has_no_history(self, cell):
        assert cell.value("In, Out, _, __, ___") == "(['', 'In, Out, _, __, ___'], {}, '', '', '')"

    def test_is_main(self, cell):
        """contract: 5.4"""
        assert cell.value("__name__") == "'__main__'"
        code = "import pickle\nclass C: pass\npickle.loads(pickle.dumps(C())).__class__ is C"
        assert cell.value(code) == "True"
        assert cell.value("import sys; sys.argv") == "['sagemathcell.py']"

    def test_has_one_figure_at_a_time(self, cell):
        assert cell.value("import matplotlib.pyplot as plt; plt.get_fignums()") == "[]"

    def test_writes_nothing_but_what_it_was_told_to(self, cell):
        """contract: 5.4"""
        cell.run("%history\n1/0")
        (program,) = cell.work.iterdir()
        assert program.name == "sagemathcell.py"
        assert program.read_text() == "%history\n1/0"

    def test_says_what_it_is(self, cell):
        content = cell.ask("kernel_info_request")
        assert content["language_info"]["name"] == "python"
        assert "debugger" not in content.get("supported_features", [])


class TestOutput:
    def test_text_of_both_kinds_in_order(self, cell):
        result = cell.run("import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)")
        streams = [(content["name"], content["text"]) for content in result.of("stream")]
        assert streams == [("stdout", "1\n"), ("stderr", "2\n"), ("stdout", "3\n")]

    def test_many_small_writes_are_few_messages(self, cell):
        result = cell.run("for i in range(20_000): print(i)")
        assert result.text() == "".join(f"{i}\n" for i in range(20_000))
        assert sum(piece["msg_type"] == "stream" for piece in result.pieces) < 50

    def test_text_before_and_after_a_display(self, cell):
        result = cell.run("print('a'); display(1); print('b')")
        kinds = [
            m["msg_type"] for m in result.messages if m["msg_type"] in ("stream", "display_data")
        ]
        assert kinds == ["stream", "display_data", "stream"]

    def test_what_subprocesses_and_libraries_write(self, cell):
        code = """
import os, subprocess
print('first', flush=True)
os.system('echo second')
subprocess.run('echo third >&2', shell=True)
"""
        result = cell.run(code)
        assert result.text() == "first\nsecond\n"
        assert result.text("stderr") == "third\n"

    def test_what_a_forked_process_prints(self, cell):
        code = "import os\nif (pid := os.fork()) == 0:\n    print('child'); os._exit(0)\nx = os.waitpid(pid, 0)"
        assert cell.run(code).text() == "child\n"

    def test_text_that_is_no_text(self, cell):
        result = cell.run(r"print('\ud800 \udcff ok \x00 é 数')")
        assert result.text() == "? ? ok \x00 é 数\n"

    def test_an_error_in_colours(self, cell):
        result = cell.run("def f():\n    return 1/0\nf()")
        (error,) = result.of("error")
        assert result.reply["status"] == "error"
        assert error["ename"] == result.reply["ename"] == "ZeroDivisionError"
        assert "\x1b[" in "".join(error["traceback"])
        assert "return" in "".join(error["traceback"])

    def test_a_plot_without_any_magic(self, cell):
        result = cell.run("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);")
        (content,) = result.of("display_data")
        assert base64.b64decode(content["data"]["image/png"]).startswith(b"\x89PNG")

    def test_the_magic_for_plots_does_no_harm(self, cell):
        assert cell.run("%matplotlib inline").reply["status"] == "ok"

    def test_a_table(self, cell):
        result = cell.run("import pandas\npandas.DataFrame({'a': [1]})")
        assert "<table" in result.of("execute_result")[0]["data"]["text/html"]

    def test_completion_and_inspection(self, cell):
        assert "print" in cell.ask("complete_request", code="prin", cursor_pos=4)["matches"]
        assert cell.ask("inspect_request", code="print", cursor_pos=3)["found"]

    def test_inspection_shows_no_path_of_the_server(self, cell):
        for code in (
            "import json\njson?",
            "%config InteractiveShell.colors = 'linux'\njson.dumps?",
        ):
            (page,) = cell.run(code).reply["payload"]
            text = re.sub(r"\x1b\[[\d;]*m", "", page["data"]["text/plain"])
            assert re.search(r"^File: +json/__init__\.py$", text, re.MULTILINE)
            assert sys.base_prefix not in text

    def test_await_at_the_top(self, cell):
        assert cell.value("import asyncio\nawait asyncio.sleep(0, 5)") == "5"


class TestLibraryLoadedLate:
    def test_a_plot_where_matplotlib_was_not_preloaded(self, tmp_path):
        server = Server(tmp_path)
        cell = server.start()
        result = cell.run("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);")
        assert "image/png" in result.of("display_data")[0]["data"]
        cell.stop()
        assert server.close() == 0


class TestPictureFiles:
    def test_a_plot_is_a_file_as_well(self, tmp_path):
        """contract: 4.10"""
        server = Server(tmp_path, "matplotlib.pyplot", program=[*PROGRAM, "--picture-files"])
        cell = server.start()
        result = cell.run("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);")
        (data,) = (content["data"] for content in result.of("display_data"))
        name = data["text/image-filename"]
        assert list(data).index("image/png") < list(data).index("text/image-filename")
        assert base64.b64decode(data["image/png"]) == (cell.work / name).read_bytes()
        # Clients ask for the file at once.
        kinds = [message["msg_type"] for message in result.messages]
        assert kinds.index("sagecell_file") < kinds.index("display_data")
        assert result.reply["payload"] == []
        cell.stop()
        assert server.close() == 0


class TestFiles:
    def test_leave_before_the_reply_and_are_named_in_it(self, cell):
        data = bytes(range(256)) * 4096
        result = cell.run("open('b.bin', 'wb').write(bytes(range(256)) * 4096)\nprint('done')")
        pieces = [m for m in result.messages if m["msg_type"] == "sagecell_file"]
        assert b"".join(bytes(m["buffers"][0]) for m in pieces) == data
        assert [m["content"]["offset"] for m in pieces] == list(range(0, len(data), PIECE))
        assert result.reply["payload"][0] == {"source": "sagecell", "new_files": ["b.bin"]}

    def test_of_a_cell_that_failed(self, cell):
        result = cell.run("open('a.txt', 'w').write('x')\n1/0")
        assert result.reply["status"] == "error"
        assert result.reply["payload"][0]["new_files"] == ["a.txt"]

    def test_no_payload_without_files(self, cell):
        assert cell.run("1").reply["payload"] == []

    def test_a_refusal_is_read_in_the_cell(self, cell):
        result = cell.run("import os; os.symlink('/etc/passwd', 'passwd')")
        assert result.text("stderr") == "'passwd' was not saved: it is a symbolic link.\n"
        assert result.reply["payload"] == []

    def test_files_larger_than_allowed_cannot_even_be_written(self, server):
        cell = server.start(file_bytes=1000)
        result = cell.run("with open('big', 'wb') as file: file.write(bytes(2000))")
        assert "File too large" in result.reply["evalue"]
        cell.stop()


class TestInterrupt:
    def test_an_endless_loop_and_the_session_goes_on(self, cell):
        request = cell.execute("x = 5\nprint('up', flush=True)\nwhile True: pass")
        cell.until_printed("up\n")
        cell.signal("INT")
        assert cell.result(request).reply["ename"] == "KeyboardInterrupt"
        assert cell.value("x") == "5"

    def test_a_sleep_with_a_subprocess(self, cell):
        request = cell.execute("import os\nos.system('echo up; sleep 1000')")
        cell.until_printed("up\n")
        cell.signal("INT")
        cell.result(request)
        assert cell.value("1") == "1"

    def test_by_message(self, cell):
        request = cell.execute("print('up', flush=True)\nwhile True: pass")
        cell.until_printed("up\n")
        cell.request("interrupt_request", on=cell.control)
        assert cell.result(request).reply["ename"] == "KeyboardInterrupt"

    def test_nothing_happens_between_cells(self, cell):
        for _ in range(5):
            cell.signal("INT")
        # The fork server has sent all of them when it answers.
        cell.server.tell(op="ping")
        cell.server.event("pong")
        assert cell.value("1+1") == "2"


class TestEnd:
    @pytest.mark.parametrize("code", ["exit()", "quit", "exit"])
    def test_exit(self, server, code):
        cell = server.start()
        result = cell.run(code)
        assert result.reply["status"] == "ok"
        assert cell.exited()["status"] == 0

    def test_sys_exit_is_just_an_exception(self, cell):
        assert cell.run("import sys; sys.exit(3)").reply["ename"] == "SystemExit"
        assert cell.value("1+1") == "2"

    def test_shutdown_request(self, server):
        cell = server.start()
        cell.request("shutdown_request", on=cell.control, restart=False)
        assert cell.receive(cell.control)["content"] == {"status": "ok", "restart": False}
        assert cell.exited()["status"] == 0

    def test_shutdown_request_while_a_cell_runs(self, server):
        cell = server.start()
        cell.execute("while True: pass")
        cell.request("shutdown_request", on=cell.control, restart=False)
        assert cell.exited()["status"] == 0

    def test_sigterm(self, server):
        cell = server.start()
        cell.signal("TERM")
        assert cell.exited()["signal"] == 15

    def test_what_a_program_registered_for_the_end(self, server):
        cell = server.start()
        cell.run("import atexit; atexit.register(lambda: open('end', 'w').close())")
        cell.execute("exit()")
        cell.exited()
        assert (cell.work / "end").exists()
