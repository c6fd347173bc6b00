"""The programs that these tests run, and what those see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.integration.servers import Server, free_port
from tests.integration.waiting import until

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-jupyter" / "bin" / "python"
TOKEN = "the-token-of-a-school"

#: What `talking.mjs` sees.
TALK = {
    "info": "python",
    "protocol": "v1.kernel.websocket.jupyter.org",
    "hello": ["42\n", "ok"],
    "stdin": ["who? Ada\n", "ok"],
    "interrupted": ["on\nKeyboardInterrupt", "error"],
    "comm": [[3, 2, 1], [4]],
    "second": ["iopub"],
    "cut": [True, "ok"],
    "again": [2, "yes\n"],
    "stopped": "KeyboardInterrupt",
    "restarted": ["again False\n", "ok"],
    # "restarting" and "unknown" are the package's own words.
    "states": ["busy", "idle", "restarting", "starting", "unknown"],
    "other": "connected",
    "same": True,
    "otherRuns": ["other\n", "ok"],
    "gone": True,
}


def node() -> str:
    """The path of Node."""
    path = shutil.which("node")
    assert path, "@jupyterlab/services needs Node"
    return path


def seen(*command: str) -> Any:
    """What a client saw, which it prints as JSON in its last line."""
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def gateway_client_of(server: Server, module: str, folder: Path, *options: str) -> Iterator[str]:
    """Runs Jupyter Server, or an application on top of it, with its files in `folder` and its kernels here.

    Yields its URL.
    """
    port = free_port()
    command = [
        str(PYTHON),
        "-m",
        module,
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        f"--gateway-url={server.url}",
        f"--GatewayClient.auth_token={TOKEN}",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
        *options,
    ]
    environment = {**os.environ, "HOME": str(folder), "JUPYTER_PLATFORM_DIRS": "0"}
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=written, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            return requests.get(f"{url}/api", timeout=60).ok
        except requests.ConnectionError:
            return False

    try:
        until(answers)
        yield url
    finally:
        process.terminate()
        process.wait(60)
