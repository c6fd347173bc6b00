"""Databases and settings of earlier revisions are what the present program opens.

``tests/upgrades/`` has, for each revision, what that revision itself made or shipped: a database as SQL, with a shared
permalink, a permalink of a run and a file, and its ``deploy/sagecell.toml`` with some settings changed.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests

from sagecell_tx.config import Config, load
from sagecell_tx.limits import Rate
from sagecell_tx.sessions.interfaces import Permalink
from sagecell_tx.store.files import DatabaseFileStore
from sagecell_tx.store.permalinks import DatabaseCellStore
from sagecell_tx.upgrade import upgraded
from tests.integration.servers import Server
from tests.store.waiting import WaitingTestCase

UPGRADES = Path(__file__).parent / "upgrades"

REVISIONS = ["e9863f8"]

#: The ids that the revision gave.
SHARED = "osytw4m6fvrijohkbatx5nmof4"
RUN = "humf7lcknhq3fp3pmyijaeiomq"
KERNEL = "8dce983f-fd60-4e97-9b1f-e648559cc4ee"


@pytest.mark.parametrize("revision", REVISIONS)
def test_its_settings_are_loaded_with_their_values(revision):
    config = Config(**load(UPGRADES / f"{revision}.toml"))
    assert config.preload == ("numpy",)
    assert not config.spare
    assert config.limits.admission.kernels == 20
    assert config.limits.admission.starts_per_site == Rate(burst=300, per_minute=900)
    assert config.limits.files.file_bytes == 32 << 20


@pytest.mark.parametrize("revision", REVISIONS)
def test_upgrading_its_settings_leaves_what_is_current(revision):
    text = (UPGRADES / f"{revision}.toml").read_text(encoding="utf-8")
    assert upgraded(text) == text


@pytest.mark.integration
def test_the_command_prints_them_as_they_are():
    path = UPGRADES / "e9863f8.toml"
    command = [str(Path(sys.executable).with_name("sagecell-tx")), "settings", "upgrade", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == path.read_text(encoding="utf-8")


def restore(revision: str, path: Path) -> None:
    """Make the database of a revision."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript((UPGRADES / f"{revision}.sql").read_text(encoding="utf-8"))


class DatabaseTests(WaitingTestCase):
    def test_permalinks_runs_and_files_are_there(self):
        for revision in REVISIONS:
            path = self.directory / "sagecell.db"
            path.unlink(missing_ok=True)
            restore(revision, path)
            database = self.open_upgraded()
            cells = DatabaseCellStore(
                database=database, now=lambda: 4.0e9, entropy=os.urandom, run_seconds=604_800.0
            )
            shared = Permalink(code='print("shared by e9863f8")', language="python")
            assert self.result(cells.find(SHARED)) == shared
            run = self.result(cells.find(RUN))
            assert run == Permalink(code="print('run by e9863f8')", language="sage")
            # The key is the same: a program has the id that it had.
            assert self.result(cells.save(shared)) == SHARED
            files = DatabaseFileStore(
                database=database, now=lambda: 4.0e9, entropy=os.urandom, total=0
            )
            file = self.result(files.find(KERNEL, "old.txt"))
            assert file is not None
            assert self.result(files.read(file, 0, 100)) == b"made by e9863f8\n"


@pytest.mark.integration
@pytest.mark.parametrize("revision", REVISIONS)
def test_its_database_is_served_with_all_that_was_stored(revision):
    server = Server()
    server.state.mkdir(mode=0o711)
    restore(revision, server.state / "sagecell.db")
    with server:
        shared = requests.get(f"{server.url}/permalink", params={"q": SHARED}, timeout=60)
        assert shared.json() == ['print("shared by e9863f8")', "python", "[]"]
        run = requests.get(f"{server.url}/permalink", params={"q": RUN}, timeout=60)
        assert run.json() == ["print('run by e9863f8')", "sage", "[]"]
        file = requests.get(f"{server.url}/kernel/{KERNEL}/files/old.txt", timeout=60)
        assert file.text == "made by e9863f8\n"
        # The key of permalinks stays: the same program has the same id.
        stored = {"code": 'print("shared by e9863f8")', "language": "python", "interacts": "[]"}
        again = requests.post(f"{server.url}/permalink", data=stored, timeout=60)
        assert again.json()["query"] == SHARED
        answer = requests.post(f"{server.url}/service", data={"code": "print(6 * 7)"}, timeout=60)
        assert answer.json()["stdout"] == "42\n"
