"""Kernels of installed kernelspecs in a real server: a stock ipykernel, confined."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from tests.hosts.kernelspecs.specs import PNG, write_spec
from tests.integration.notebooks import Notebook
from tests.integration.servers import Server
from tests.integration.waiting import until
from tests.processtree import name_of

pytestmark = pytest.mark.integration

#: The beginning of a program that is interrupted once it has said so.
RUNNING = "import time\nprint('on', flush=True)\n"


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with kernelspecs."""
    prefix = tmp_path_factory.mktemp("environment")
    quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    stock = write_spec(prefix, "stock", env={**quiet, "FROM_SPEC": "yes"})
    (stock / "logo-64x64.png").write_bytes(PNG)
    write_spec(prefix, "asked", env=quiet, interrupt_mode="message")
    program = "import sys; sys.exit('There is no module grammar.')"
    write_spec(prefix, "broken", argv=[sys.executable, "-c", program, "{connection_file}"])
    return prefix


@pytest.fixture(scope="module")
def server(prefix: Path) -> Iterator[Server]:
    with Server(
        kernelspecs=("stock", "asked", "broken"),
        jupyter_path=prefix / "share" / "jupyter",
        limits={"machine.cpu_seconds": 20.0, "lifetime.interrupt_grace_seconds": 2.0},
    ) as server:
        yield server


@pytest.fixture(params=["stock", "asked"])
def notebook(server: Server, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """A kernel of either kind, by how it is interrupted."""
    notebook = Notebook(server, request.param)
    yield notebook
    notebook.close()


@pytest.fixture
def stock(server: Server) -> Iterator[Notebook]:
    notebook = Notebook(server, "stock")
    yield notebook
    notebook.close()


def test_what_is_told_of_them(server: Server) -> None:
    with urlopen(f"{server.url}/api/kernelspecs", timeout=60) as answer:
        told = json.load(answer)
    assert told["default"] == "python3"
    assert list(told["kernelspecs"]) == ["python3", "stock", "asked", "broken"]
    spec = told["kernelspecs"]["stock"]
    assert (spec["spec"]["argv"], spec["spec"]["env"]) == ([], {})
    with urlopen(f"{server.url}{spec['resources']['logo-64x64']}", timeout=60) as logo:
        assert logo.read() == PNG


def test_programs_run_in_it(notebook: Notebook) -> None:
    *_, reply = notebook.run("6 * 7")
    assert reply["content"]["status"] == "ok"
    code = "import os, sys; print(os.environ.get('FROM_SPEC'), 'sagecell_tx' in sys.modules)"
    expected = "yes" if notebook.model["name"] == "stock" else "None"
    assert notebook.text(code) == f"{expected} False\n"


def test_it_is_the_stock_kernel_in_the_sandbox(stock: Notebook, server: Server) -> None:
    code = "print(type(get_ipython()).__name__, __import__('os').getcwd())"
    home = "/home/cell" if server.status()["sandbox"] == "namespaces" else "/work"
    assert stock.text(code).strip().startswith("ZMQInteractiveShell ")
    assert stock.text(code).strip().endswith(home)
    listed = stock.text("import os; print(os.path.exists('/etc/shadow') and open('/etc/shadow'))")
    assert "root:" not in listed


def test_it_is_interrupted(notebook: Notebook) -> None:
    request = notebook.begin(f"{RUNNING}time.sleep(600)")
    notebook.until_printed("on\n")
    notebook.do("interrupt")
    results = [*notebook.results(request)]
    assert results[-1]["content"]["status"] == "error"
    assert results[-1]["content"]["ename"] == "KeyboardInterrupt"
    assert notebook.text("print(6 * 7)") == "42\n"


def test_one_that_ignores_interrupts_is_stopped(server: Server) -> None:
    stock = Notebook(server, "stock")
    code = """
import time
while True:
    try:
        print("on", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        pass
"""
    stock.begin(code)
    stock.until_printed("on\n")
    stock.do("interrupt")
    assert stock.end() == "stopped"


def test_a_restart_is_a_new_process(stock: Notebook) -> None:
    assert stock.text("x = 1; print(x)") == "1\n"
    assert stock.do("restart")["id"] == stock.kernel_id
    assert stock.text("print('x' in globals())") == "False\n"


def test_floods_arrive_whole(stock: Notebook) -> None:
    """As much as the kernel keeps while nobody reads: ZMQ drops what is published while 1,000 messages wait."""
    code = "for i in range(900): display({'text/plain': str(i)}, raw=True)"
    shown = [
        each["content"]["data"]["text/plain"]
        for each in stock.run(code)
        if each["header"]["msg_type"] == "display_data"
    ]
    assert shown == [str(i) for i in range(900)]


def test_a_flood_that_nobody_reads_ends_all_the_same(server: Server, stock: Notebook) -> None:
    """What the kernel drops is missed, and the status "idle" with it."""
    code = """
import asyncio, subprocess
subprocess.run(["sleep", "1000"])
for i in range(2000): display({"text/plain": str(i)}, raw=True)
asyncio.get_event_loop().call_later(1, subprocess.Popen, ["sleep", "1000"])  # when this has ended
"""
    msg_id = stock.begin(code)
    before = await_sleeper(server, [])
    server.web.suspend()
    try:
        before.kill()
        after = await_sleeper(server, [before])
    finally:
        server.web.resume()
    after.kill()
    told = list(stock.results(msg_id))
    shown = [each for each in told if each["header"]["msg_type"] == "display_data"]
    assert 900 < len(shown) < 2000
    text, reply = told[-2:]
    assert "Some output is missing here" in text["content"]["text"]
    assert reply["content"]["status"] == "ok"
    assert stock.text("print(6 * 7)") == "42\n"


def await_sleeper(server: Server, earlier: list[psutil.Process]) -> psutil.Process:
    """The program ``sleep`` of a kernel, as soon as there is one besides `earlier`."""
    found: list[psutil.Process] = []

    def sleeps() -> bool:
        children = server.web.children(recursive=True)
        found[:] = [p for p in children if name_of(p) == "sleep" and p not in earlier]
        return bool(found)

    until(sleeps)
    return found[0]


def test_a_program_that_kills_it_ends_the_session(server: Server) -> None:
    notebook = Notebook(server, "stock")
    notebook.begin("import os; os._exit(3)")
    assert notebook.end() == "crashed"
    until(lambda: not server.directories())


def test_processor_time_is_limited(server: Server) -> None:
    notebook = Notebook(server, "stock")
    notebook.begin("import os\nfor _ in range(3): os.fork()\nwhile True: pass")
    assert notebook.end() == "cpu"


def test_a_program_that_ends_at_once_is_a_failed_start(server: Server) -> None:
    with pytest.raises(HTTPError) as refused:
        Notebook(server, "broken")
    with refused.value:
        answer = json.loads(refused.value.read())
    assert refused.value.code == 503
    assert "could not start a kernel" in answer["message"]
    assert "There is no module grammar." in server.log()
    until(lambda: not server.directories())


def test_the_forked_kernel_is_as_ever(server: Server) -> None:
    notebook = Notebook(server)
    assert notebook.text("import sys; print('sagecell_tx' in sys.modules)") == "True\n"
    notebook.close()


@pytest.mark.parametrize(
    ("name", "fields", "why"),
    [
        (
            "remote",
            {"metadata": {"kernel_provisioner": {"provisioner_name": "k8s"}}},
            "started by a provisioner of its own",
        ),
        ("lost", {"argv": ["/nowhere/kernel", "{connection_file}"]}, "cannot be found"),
    ],
)
def test_one_that_cannot_be_confined_or_run_is_refused_at_the_start(
    tmp_path: Path, name: str, fields: dict[str, Any], why: str
) -> None:
    write_spec(tmp_path, name, **fields)
    refused = Server(kernelspecs=(name,), jupyter_path=tmp_path / "share" / "jupyter")
    try:
        refused.launch()
        assert refused.process is not None
        assert refused.process.wait(60) == 1
        assert f"sagecell-tx: kernelspecs: {name}: " in refused.log()
        assert why in refused.log()
    finally:
        refused.__exit__()
