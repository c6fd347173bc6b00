"""Installed kernels, and jupyter_kernel_test against them and against the forked one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.kernelspecs.specs import write_spec
from tests.integration.notebooks import Notebook
from tests.integration.servers import Server
from tests.jupyter.programs import PYTHON, seen

pytestmark = pytest.mark.jupyter

#: Kernels that the requirements install, by the module that starts each.
MODULES = {
    "bash": ("bash_kernel", "bash"),
    "stock": ("ipykernel_launcher", "python"),
    "xpython": ("xpython_launcher", "python"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with these kernels."""
    prefix = tmp_path_factory.mktemp("environment")
    for name, (module, language) in MODULES.items():
        write_spec(
            prefix,
            name,
            argv=[str(PYTHON), "-m", module, "-f", "{connection_file}"],
            language=language,
            env={"PYDEVD_DISABLE_FILE_VALIDATION": "1", "PS1": "$"},
        )
    path = prefix / "share" / "jupyter"
    with Server(kernelspecs=tuple(MODULES), jupyter_path=path) as server:
        yield server


#: The tests for which a kernel has no sample: it does not have what they are about.
SKIPPED = {
    "python3": ["test_history"],
    "stock": ["test_history"],  # that of one operation
    "xpython": ["test_history", "test_pager"],
    "bash": [
        "test_clear_output",
        "test_display_data",
        "test_error",
        "test_execute_result",
        "test_execute_stderr",
        "test_history",
        "test_inspect",
        "test_is_complete",
        "test_pager",
    ],
}


@pytest.mark.parametrize("name", SKIPPED)
def test_jupyters_tests_of_kernels(server: Server, name: str) -> None:
    told = seen(str(PYTHON), "kerneltests.py", server.url, name)
    assert told["failed"] == []
    assert told["skipped"] == SKIPPED[name]
    assert told["ran"] == 12


def test_bash_is_interrupted_and_goes_on(server: Server) -> None:
    notebook = Notebook(server, "bash")
    request = notebook.begin("echo on; sleep 600")
    notebook.until_printed("on\n")
    notebook.do("interrupt")
    *_, reply = notebook.results(request)
    assert reply["content"]["status"] in ("abort", "error")
    assert notebook.text("echo $((6 * 7))") == "42\n"
    notebook.close()


def test_bash_is_restarted(server: Server) -> None:
    notebook = Notebook(server, "bash")
    assert notebook.text("x=1; echo x=$x") == "x=1\n"
    notebook.do("restart")
    assert notebook.text("echo x=$x") == "x=\n"
    notebook.close()


def test_bash_is_confined(server: Server, tmp_path: Path) -> None:
    notebook = Notebook(server, "bash")
    (tmp_path / "secret").write_text("secret")
    assert "secret" not in notebook.text(f"cat {tmp_path}/secret {server.state}/* 2>/dev/null")
    assert notebook.text("touch /usr/x 2>/dev/null || echo refused") == "refused\n"
    notebook.close()
