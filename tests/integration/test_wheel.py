"""The wheel, built from the source distribution, works in a new environment."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import requests

from tests.integration.servers import Server

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]


def run(*command: object, cwd: Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_wheel_from_the_sdist_serves_the_page_from_another_directory(tmp_path):
    run(sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path, PROJECT, cwd=PROJECT)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, source, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "sagecell_tx/http/client/index.html" in names
    assert "sagecell_tx/http/client/third-party-licenses.txt" in names
    assert "twisted/plugins/sagecell_tx_plugin.py" in names
    assert not [name for name in names if name.startswith(("tests", "web", "benchmarks"))]

    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    binaries = tmp_path / "venv" / "bin"
    run(binaries / "pip", "install", "--quiet", wheel, cwd=tmp_path)
    with Server(twistd=str(binaries / "twistd"), cwd=str(tmp_path), preload=None) as server:
        page = requests.get(server.url, timeout=60)
        assert 'id="sagecell-page"' in page.text
        answer = requests.post(f"{server.url}/service", data={"code": "print(6 * 7)"}, timeout=60)
        assert answer.json()["stdout"] == "42\n"
