"""A directory that outlives no process, however that one ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sagecell_tx.kernelside.system.scratch import ScratchDirectory
from tests.kernelside.driving import gone

pytestmark = pytest.mark.integration

DYING = """
import signal
from sagecell_tx.kernelside.system.scratch import ScratchDirectory
scratch = ScratchDirectory.make("test-")
print(scratch.path, scratch.pid, flush=True)
signal.pause()
"""


def test_others_may_read_it_until_it_is_closed():
    scratch = ScratchDirectory.make("test-")
    path = Path(scratch.path)
    (path / "deep").mkdir()
    (path / "deep" / "file").write_text("x")
    assert path.stat().st_mode & 0o777 == 0o755
    assert path.name.startswith("test-")
    scratch.close()
    assert not path.exists()
    scratch.close()


@pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None, reason="there is no systemd")
def test_it_does_not_age(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scratch = ScratchDirectory.make("test-")
    (tmp_path / "other").mkdir()
    for path in (Path(scratch.path), tmp_path / "other"):
        (path / "file").write_text("x")
        for old in (path / "file", path):
            os.utime(old, (0, 0))
    (tmp_path / "rules.conf").write_text(f"e {tmp_path} - - - amAM:1d\n")
    subprocess.run(["systemd-tmpfiles", "--clean", tmp_path / "rules.conf"], check=True)
    assert (Path(scratch.path) / "file").exists()
    assert not (tmp_path / "other").exists()
    scratch.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_goes_with_a_process_that_is_killed(number):
    argv = [sys.executable, "-P", "-c", DYING]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, process_group=0, text=True) as process:
        assert process.stdout is not None
        path, pid = process.stdout.readline().split()
        assert Path(path).is_dir()
        process.send_signal(number)
    assert gone(int(pid))
    assert not Path(path).exists()
