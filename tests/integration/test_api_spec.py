"""What the OpenAPI document says holds for requests that nobody has thought of.

schemathesis makes them from the document. Source: https://schemathesis.readthedocs.io
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.servers import Server

pytestmark = pytest.mark.integration

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))

#: What each answer is checked for.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)

#: Requests made at random for each operation, besides those for the bounds of each field.
EXAMPLES = 15


def test_any_request_is_answered_as_described(tmp_path: Path) -> None:
    # Kernels that nobody joins end soon, and nobody waits for one.
    limits = {
        "admission.kernels": 4,
        "admission.queue_seconds": 0.2,
        "jupyter.unclaimed_seconds": 1.0,
        "requests.service_seconds": 5.0,
    }
    with Server(limits=limits, ready=1) as server:
        done = subprocess.run(
            [
                SCHEMATHESIS,
                "run",
                f"{server.url}/api/spec.json",
                "--phases=examples,coverage,fuzzing",
                f"--checks={','.join(CHECKS)}",
                f"--max-examples={EXAMPLES}",
                "--seed=12",
                "--generation-database=none",
                "--request-timeout=30",
                "--suppress-health-check=all",
                "--no-shrink",
                "--no-color",
                "--warnings=off",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        log = server.log()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Traceback" not in log
