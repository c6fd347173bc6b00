"""``sagecell-tx db``, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text

from sagecell_tx.cli import main
from sagecell_tx.sessions.interfaces import LATEST
from sagecell_tx.store.database import Backend, migrate, open_backend
from sagecell_tx.store.disk import FULL
from sagecell_tx.store.schema import blobs, chunks, files, permalinks, run_permalinks, secrets
from sagecell_tx.store.transfer import archive
from sagecell_tx.store.transfer.importing import Imported, PermalinkImport
from sagecell_tx.store.uploads import CHUNK
from tests.postgresql import PostgreSQLServer, postgresql

__all__ = ["postgresql"]

CONTENTS = bytes(range(256)) * 1100  # two rows
DIGEST = hashlib.sha256(CONTENTS).hexdigest()
OLD_CODE = "print('héllo 🐍')\n"


def fill(backend: Backend) -> None:
    """Something of everything."""
    with backend.writing() as connection:
        connection.execute(insert(secrets).values(name="permalink", value=b"k" * 32))
        at = datetime(2014, 5, 6, 7, 8, 9, 123000)
        for number in range(120):
            connection.execute(
                insert(permalinks).values(
                    ident=f"p{number}",
                    code=OLD_CODE * number,
                    language="sage",
                    interacts="[]",
                    created=at,
                    last_accessed=at,
                    requested=number,
                )
            )
        connection.execute(insert(permalinks).values(ident="zxcvbn"))
        run = {"ident": "r1", "size": 6, "created": 9e9, "code": "1+1"}
        connection.execute(insert(run_permalinks).values(**run, language="r", interacts="[]"))
        connection.execute(
            insert(blobs).values(id="b1", digest=DIGEST, size=len(CONTENTS), created=0.0)
        )
        connection.execute(insert(blobs).values(id="left", size=0, created=0.0))
        for start in range(0, len(CONTENTS), CHUNK):
            row = {"blob_id": "b1", "start": start, "data": CONTENTS[start : start + CHUNK]}
            connection.execute(insert(chunks).values(row))
        for name, created in (("plots/données.png", 9e9), ("old.txt", 5.0)):
            row = {"kernel_id": "k", "name": name, "blob_id": "b1", "mtime": 1.5}
            connection.execute(insert(files).values(**row, created=created))


def parsed(path: Path) -> list[dict[str, Any]]:
    """The lines of an export, in an order of their own."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return sorted((json.loads(line) for line in data.splitlines()), key=repr)


class DbCommandTests:
    """The commands on SQLite; those on PostgreSQL are the same."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/cells.db"

    @pytest.fixture
    def backend(self, url: str) -> Iterator[Backend]:
        """The database, upgraded and filled."""
        assert main(["db", "upgrade", "--database", url]) == 0
        opened = open_backend(url, connections=1)
        fill(opened)
        opened.dispose()
        yield opened
        opened.dispose()

    @pytest.fixture
    def another(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/another.db"

    def run(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
        """The status of a command, its output and its errors."""
        capsys.readouterr()
        status = main(["db", *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    def value(self, backend: Backend, query: str) -> Any:
        with backend.reading() as connection:
            return connection.scalar(text(query))

    def execute(self, backend: Backend, statement: str) -> None:
        with backend.writing() as connection:
            connection.execute(text(statement))
        backend.dispose()

    def test_check_tells_what_is_there(self, capsys, url, backend):
        status, told, _ = self.run(capsys, "check", "--contents", "--database", url)
        assert status == 0
        assert backend.place in told
        assert "permalinks: 121\n" in told
        assert "permalinks of runs: 1, with 6 bytes" in told
        assert f"files: 2, with {len(CONTENTS):,} bytes" in told
        assert "left by a crash: 1\n" in told
        assert told.endswith("nothing is wrong\n")

    @pytest.mark.parametrize(
        ("statement", "why"),
        [
            ("DELETE FROM secrets", "WRONG: there are permalinks, but not their key"),
            ("DELETE FROM chunks WHERE start > 0", "WRONG: contents"),
            (
                "UPDATE chunks SET data = (SELECT data FROM chunks WHERE start > 0)",
                "WRONG: contents",
            ),
            ("UPDATE blobs SET digest = NULL", "WRONG: file k/old.txt: its contents were deleted"),
            ("DROP TABLE totals", "WRONG: the tables are not as"),
            ("UPDATE alembic_version SET version_num = '0001'", "sagecell-tx db upgrade"),
        ],
    )
    def test_check_tells_what_is_wrong(self, capsys, url, backend, statement, why):
        self.execute(backend, statement)
        status, told, _ = self.run(capsys, "check", "--contents", "--database", url)
        assert status == 1
        assert why in told

    def test_a_hostile_database_gives_the_terminal_no_commands(
        self, capsys, tmp_path, url, backend
    ):
        self.execute(backend, "UPDATE alembic_version SET version_num = '\x1b]0;owned\x07\x9b2J'")
        target = str(tmp_path / "cells.jsonl")
        for command in (["check"], ["export", target], ["import", target], ["upgrade"], ["prune"]):
            status, told, why = self.run(capsys, *command, "--database", url)
            assert status == 1
            assert r"\x1b]0;owned" in told + why
            assert not {"\x1b", "\x07", "\x9b"} & {*told, *why}

    def test_a_hostile_archive_is_refused_in_a_short_sentence(self, capsys, tmp_path, url):
        target = tmp_path / "evil.jsonl"
        lines = ({"kind": "sagecell-tx", "format": 1}, {"kind": "\x1b]0;owned\x07" * 100_000})
        target.write_text("".join(json.dumps(line) + "\n" for line in lines))
        status, told, why = self.run(capsys, "import", str(target), "--database", url)
        assert status == 1
        assert "is unknown" in why or why.endswith("...\n")
        assert len(told + why) < 3000
        assert "\x1b" not in told + why

    def test_an_upgrade_tells_what_it_did(self, capsys, url):
        status, told, _ = self.run(capsys, "upgrade", "--database", url)
        assert (status, told.splitlines()[1]) == (
            0,
            "upgraded the tables from version none to 0003",
        )
        status, told, _ = self.run(capsys, "upgrade", "--database", url)
        assert (status, told.splitlines()[1]) == (0, "the tables have version 0003 already")

    def test_an_upgrade_of_a_database_in_use_is_refused(self, capsys, url, backend):
        self.execute(backend, "DROP TABLE totals")
        self.execute(backend, "UPDATE alembic_version SET version_num = '0002'")
        with backend.reading() as connection:
            connection.scalar(text("SELECT count(*) FROM files"))
            status, _, why = self.run(capsys, "upgrade", "--database", url)
            assert status == 1
            assert "a server has the database open" in why
        backend.dispose()
        assert self.run(capsys, "upgrade", "--database", url)[0] == 0

    def test_a_database_is_moved(self, capsys, tmp_path, url, backend, another):
        for table in ("files", "run_permalinks"):  # an import believes no time that is not yet
            self.execute(backend, f"UPDATE {table} SET created = 1.7e9 WHERE created > 1.7e9")
        first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl.gz"
        status, told, aside = self.run(capsys, "export", "--database", url, str(first))
        assert (status, told) == (0, "")
        assert "wrote 121 permalinks, 1 permalinks of runs and 2 files" in aside
        assert stat.S_IMODE(first.stat().st_mode) == 0o600
        status, told, _ = self.run(capsys, "import", "--database", another, str(first))
        assert status == 0
        assert "permalinks: 121 added, 0 there already" in told
        assert "files: 2 added, 0 there already" in told
        assert self.run(capsys, "check", "--contents", "--database", another)[0] == 0
        assert self.run(capsys, "export", "--database", another, str(second))[0] == 0
        assert parsed(first) == parsed(second)
        status, told, _ = self.run(capsys, "import", "--database", another, str(second))
        assert status == 0
        assert "permalinks: 0 added, 121 there already" in told
        assert "files: 0 added, 2 there already" in told

    def test_only_permalinks(self, capsys, tmp_path, url, backend):
        path = tmp_path / "links.jsonl"
        assert self.run(capsys, "export", "--no-files", "--database", url, str(path))[0] == 0
        assert {line["kind"] for line in parsed(path)} == {
            *("sagecell-tx", "secret", "permalink", "run", "end")
        }

    def test_files_follow_their_contents(self, capsys, tmp_path, url, backend):
        """A server whose database is imported into deletes contents that no file has."""
        with backend.writing() as connection:
            row = {"id": "b2", "digest": EMPTY, "size": 0, "created": 0.0}
            connection.execute(insert(blobs).values(row))
            row = {"kernel_id": "k", "name": "empty", "blob_id": "b2", "mtime": 1.5, "created": 9.0}
            connection.execute(insert(files).values(row))
        path = tmp_path / "first.jsonl"
        assert self.run(capsys, "export", "--database", url, str(path))[0] == 0
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        digests = [line["digest"] for line in lines if line["kind"] in ("contents", "file")]
        assert digests == [DIGEST] * 3 + [EMPTY] * 2

    def test_an_export_replaces_nothing(self, capsys, tmp_path, url, backend):
        path = tmp_path / "first.jsonl"
        path.write_text("mine")
        status, _, why = self.run(capsys, "export", "--database", url, str(path))
        assert (status, path.read_text()) == (1, "mine")
        assert "--overwrite" in why
        self.execute(backend, "UPDATE blobs SET size = 5")
        assert self.run(capsys, "export", "--overwrite", "--database", url, str(path))[0] == 0
        assert "sagecell-tx" in path.read_text()
        assert not list(tmp_path.glob(".first*"))

    def test_an_import_that_was_cut_off_is_repeated(self, capsys, tmp_path, url, backend, another):
        whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
        self.run(capsys, "export", "--database", url, str(whole))
        lines = whole.read_bytes().splitlines(keepends=True)
        (data,) = (n for n, line in enumerate(lines) if b'"contents"' in line)
        part.write_bytes(b"".join(lines[: data + 2]))  # in the middle of a file's contents
        status, told, why = self.run(capsys, "import", "--database", another, str(part))
        assert status == 1
        assert "121 added" in told
        assert "it ends too early" in why
        opened = open_backend(another, connections=1)
        assert self.value(opened, "SELECT count(*) FROM chunks") == 0
        opened.dispose()
        status, told, _ = self.run(capsys, "import", "--database", another, str(whole))
        assert (status, "permalinks: 0 added, 121 there already" in told) == (0, True)
        assert "files: 2 added" in told
        assert self.run(capsys, "check", "--contents", "--database", another)[0] == 0

    def test_what_is_there_already_stays(self, capsys, tmp_path, url, backend, another):
        path = tmp_path / "first.jsonl"
        self.run(capsys, "export", "--database", url, str(path))
        self.run(capsys, "upgrade", "--database", another)
        opened = open_backend(another, connections=1)
        with opened.writing() as connection:
            connection.execute(insert(permalinks).values(ident="p7", code="mine"))
            connection.execute(insert(secrets).values(name="permalink", value=b"m" * 32))
        status, told, _ = self.run(capsys, "import", "--database", another, str(path))
        assert status == 1
        assert "permalinks: 120 added" in told
        assert "1 ids lead to another program in the database, which stays: p7\n" in told
        assert "keeps its own key" in told
        assert self.value(opened, "SELECT code FROM permalinks WHERE ident = 'p7'") == "mine"
        opened.dispose()

    def test_prune_deletes_what_has_expired(self, capsys, url, backend):
        status, told, _ = self.run(capsys, "prune", "--compact", "--database", url)
        assert status == 0
        assert "contents of files: 1 deleted\nfiles: 1 deleted\n" in told
        assert self.value(backend, "SELECT count(*) FROM files") == 1
        status, told, _ = self.run(
            capsys, "prune", "--database", url, "--files-older-than=0", "--runs-older-than=0"
        )
        # These are younger than now: their clock was wrong.
        assert self.value(backend, "SELECT count(*) FROM run_permalinks") == 1
        assert self.value(backend, "SELECT count(*) FROM permalinks") == 121

    def test_sagemathcells_permalinks_are_taken_over(self, capsys, tmp_path, url, backend):
        """contract: 9, T15"""
        source = self.sagemathcell(tmp_path)
        status, told, _ = self.run(capsys, "import", "--database", url, "--sagemathcell", source)
        assert status == 0
        assert "permalinks: 202 added, 0 there already" in told
        assert "1 skipped" in told
        for ident in ("abcdef", "7f9c2ba4-e88f-4f2a-a1f3-1c5a4bf2d0a5"):
            found = self.value(backend, f"SELECT code FROM permalinks WHERE ident = '{ident}'")
            assert found == OLD_CODE
        backend.dispose()
        status, told, _ = self.run(capsys, "import", "--database", url, "--sagemathcell", source)
        assert "permalinks: 0 added, 202 there already" in told

    def sagemathcell(self, directory: Path) -> str:
        """A database of SageMathCell; returns its URL or file."""
        path = directory / "sage cell#1.db"
        connection = sqlite3.connect(path)
        self.fill_sagemathcell(connection)
        connection.commit()
        connection.close()
        return str(path)

    def fill_sagemathcell(self, connection: Any) -> None:
        connection.execute(
            "CREATE TABLE permalinks (ident VARCHAR NOT NULL PRIMARY KEY, code VARCHAR,"
            " language VARCHAR, interacts VARCHAR, created TIMESTAMP, last_accessed TIMESTAMP,"
            " requested INTEGER)"
        )
        at = "2014-05-06 07:08:09.000000"
        idents = ["abcdef", "7f9c2ba4-e88f-4f2a-a1f3-1c5a4bf2d0a5", "no link"]
        for ident in idents + [f"l{number}" for number in range(200)]:
            row = (ident, OLD_CODE, "sage", "[]", at, at, 7)
            marks = ", ".join("?" * 7) if isinstance(connection, sqlite3.Connection) else None
            connection.execute(
                f"INSERT INTO permalinks VALUES ({marks or ', '.join(['%s'] * 7)})", row
            )


@pytest.mark.integration
class PostgreSQLDbCommandTests(DbCommandTests):
    @pytest.fixture
    def url(self, postgresql: PostgreSQLServer) -> str:
        return postgresql.url(postgresql.create())

    def sagemathcell(self, directory: Path) -> str:
        # With a driver that is not installed, as in SageMathCell's settings.
        name = self.server.create()
        with self.server.connect(name) as connection:
            self.fill_sagemathcell(connection)
        return self.server.url(name).replace("postgresql:", "postgresql+psycopg2:")

    @pytest.fixture(autouse=True)
    def _server(self, postgresql: PostgreSQLServer) -> None:
        self.server = postgresql


class TestSQLite(DbCommandTests):
    """On SQLite."""


class TestPostgreSQL(PostgreSQLDbCommandTests):
    """On PostgreSQL, from which it is moved to SQLite."""


class TestToPostgreSQL(PostgreSQLDbCommandTests):
    """From SQLite to PostgreSQL."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/cells.db"

    @pytest.fixture
    def another(self, postgresql: PostgreSQLServer) -> str:
        return postgresql.url(postgresql.create())


@pytest.mark.parametrize("command", ["check", "export", "prune"])
def test_a_database_that_is_not_there_is_not_made(tmp_path, capsys, command):
    path = tmp_path / "cells.db"
    more = [str(tmp_path / "file")] if command == "export" else []
    assert main(["db", command, "--database", f"sqlite:///{path}", *more]) == 1
    assert capsys.readouterr().err == f"sagecell-tx: database: there is no file {path}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "not a URL such as postgresql://user@host/cells"),
        ("mysql://host/db", "mysql is not supported"),
        ("postgresql://cells:a@b:port/cells", "in a password, write %40 for @"),
        ("sqlite+aiosqlite:////tmp/x.db", "the driver sqlite+aiosqlite is not supported"),
        ("sqlite:////tmp/x.db?mode=ro", "SQLite takes nothing after a question mark"),
        ("sqlite:////tmp/\0x", "give the path of a file"),
        ("postgresql://cells@127.0.0.1:1/cells", "port 1 failed: "),
    ],
)
def test_what_is_no_database_is_told(capsys, url, why):
    assert main(["db", "check", "--database", url]) == 1
    told = capsys.readouterr().err
    assert why in told
    assert told.count("\n") == 1


def test_no_part_of_a_password_is_told(capsys):
    """A port that is none is what follows an @ in a password that was not escaped."""
    for command in (["check", "--database"], ["import", "--sagemathcell"]):
        assert main(["db", *command, "postgresql://cells:a@b:hunter2@host/cells"]) == 1
        told = capsys.readouterr()
        assert "hunter2" not in told.err + told.out


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """An SQLite file that no server of ours has written."""
    path = tmp_path / "foreign.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE permalinks (ident, code)")
    connection.commit()
    connection.close()
    return path


def test_a_check_changes_nothing(capsys, foreign):
    before = foreign.read_bytes()
    assert main(["db", "check", "--database", f"sqlite:///{foreign}"]) == 1
    assert foreign.read_bytes() == before


def test_a_journal_that_cannot_be_made_is_told(foreign):
    """On a full disk, or in a directory without the right to write; here the file may not grow."""
    program = """if True:
        import resource, sys
        from sagecell_tx.cli import main
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        sys.exit(main(["db", "upgrade", "--database", sys.argv[1]]))
    """
    words = [sys.executable, "-c", program, f"sqlite:///{foreign}"]
    done = subprocess.run(words, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "disk I/O error" in done.stderr


def test_the_settings_name_it(tmp_path, capsys):
    settings = tmp_path / "sagecell.toml"
    settings.write_text(f'state_dir = "{tmp_path}"\n')
    assert main(["db", "upgrade", "--config", str(settings)]) == 0
    assert f"SQLite, {tmp_path}/sagecell.db" in capsys.readouterr().out
    assert main(["db", "check", "--state-dir", str(tmp_path)]) == 0
    assert stat.S_IMODE((tmp_path / "sagecell.db").stat().st_mode) == 0o600


def test_a_source_that_is_none(tmp_path, capsys):
    url = f"sqlite:///{tmp_path}/cells.db"
    (tmp_path / "text").write_text("not a database" * 1000)
    for source in (tmp_path / "missing", tmp_path / "text", "mysql://host/x", "a://b://c"):
        assert main(["db", "import", "--database", url, "--sagemathcell", str(source)]) == 1
        assert capsys.readouterr().err.count("\n") == 1


HEAD = {"kind": "sagecell-tx", "format": 1}
KEY = base64.b64encode(b"k" * 32).decode()


def written(path: Path, *lines: dict[str, Any]) -> str:
    """An export with these lines; returns its path."""
    whole = [HEAD, *lines, {"kind": "end", "lines": len(lines)}]
    path.write_text("".join(json.dumps(line) + "\n" for line in whole))
    return str(path)


EMPTY = hashlib.sha256(b"").hexdigest()
NO_BYTES = {"kind": "contents", "digest": EMPTY, "size": 0}


def file_of(digest: str, **more: Any) -> dict[str, Any]:
    """A line for a file."""
    line = {"kind": "file", "kernel_id": "k", "name": "x", "digest": digest}
    return {**line, "mtime": 1.0, "created": 1.0, **more}


def test_what_a_stranger_wrote_expires(tmp_path, capsys):
    """Times that are not yet, and those that no page can show, are not believed."""
    late = {"created": 9e14}
    run = {"kind": "run", "ident": "r", "code": "1", "language": "sage", "interacts": "[]", **late}
    path = written(
        tmp_path / "file", run, NO_BYTES, file_of(EMPTY, **late, mtime=9e14), {**run, "ident": "s"}
    )
    url = f"sqlite:///{tmp_path}/cells.db"
    assert main(["db", "import", "--database", url, path]) == 0
    backend = open_backend(url, connections=1)
    with backend.reading() as connection:
        created = connection.scalars(
            text("SELECT created FROM files UNION ALL SELECT created FROM run_permalinks")
        ).all()
        (mtime,) = connection.scalars(text("SELECT mtime FROM files")).all()
    backend.dispose()
    assert len(created) == 3
    assert all(1.7e9 < each <= datetime.now(UTC).timestamp() for each in created)
    assert mtime == LATEST


def test_a_count_has_room_in_every_database(tmp_path):
    line = {"kind": "permalink", "ident": "a", "code": "1", "requested": 2**62}
    url = f"sqlite:///{tmp_path}/cells.db"
    assert main(["db", "import", "--database", url, written(tmp_path / "file", line)]) == 0
    backend = open_backend(url, connections=1)
    with backend.reading() as connection:
        assert connection.scalar(text("SELECT requested FROM permalinks")) == 2**31 - 1
    backend.dispose()


def test_a_file_without_its_contents_is_told(tmp_path, capsys):
    path = written(tmp_path / "file", file_of("0" * 64))
    assert main(["db", "import", "--database", f"sqlite:///{tmp_path}/cells.db", path]) == 1
    assert "1 skipped: files whose contents are not there" in capsys.readouterr().out


def test_an_import_leaves_room_on_the_disk(tmp_path, capsys):
    """A file of a few kilobytes may have terabytes, compressed."""
    settings = tmp_path / "sagecell.toml"
    settings.write_text(f'state_dir = "{tmp_path}"\n[limits.files]\ndisk_reserve_bytes = {2**50}\n')
    for line in ({"kind": "permalink", "ident": "a", "code": "1"}, NO_BYTES):
        path = written(tmp_path / "file", line)
        assert main(["db", "import", "--config", str(settings), path]) == 1
        assert FULL in capsys.readouterr().err


def test_long_texts_do_not_wait_for_others(tmp_path):
    """Texts of any field count for what an import has in memory."""
    backend = open_backend(f"sqlite:///{tmp_path}/cells.db", connections=1)
    with backend.migrating() as connection:
        migrate(connection)
    outcome = Imported()
    importing = PermalinkImport(backend=backend, table=permalinks, called="p", outcome=outcome)
    importing.add({"ident": "a", "code": "", "language": "x" * 5 * 1024 * 1024, "interacts": ""})
    assert outcome.added["p"] == 1
    backend.dispose()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "was not written by: sagecell-tx db export"),
        ([{"kind": "other"}], "was not written by: sagecell-tx db export"),
        ([{**HEAD, "format": 2}], "another version of sagecell-tx"),
        ([HEAD], "line 2: it ends too early"),
        ([HEAD, {"kind": "end", "lines": 5}], "line 2: lines are missing before it"),
        ([HEAD, {"kind": "what"}], "line 2: 'what' is unknown"),
        ([HEAD, {"kind": "permalink", "ident": "a b"}], "line 2: ident: "),
        ([HEAD, {"kind": "permalink", "ident": "a", "code": "\0"}], "line 2: code: "),
        ([HEAD, {"kind": "permalink", "ident": "a", "created": "now"}], "created: not a time"),
        ([HEAD, {"kind": "run", "ident": "a", "created": True}], "line 2: created is missing"),
        ([HEAD, {"kind": "secret", "name": "a", "value": "%"}], "value: not Base64"),
        ([HEAD, {"kind": "data", "bytes": "QQ=="}], "line 2: data of no contents"),
        ([HEAD, {"kind": "contents", "digest": "abc", "size": 1}], "digest: not a SHA-256"),
        (
            [
                HEAD,
                {"kind": "contents", "digest": "0" * 64, "size": 1},
                {"kind": "data", "bytes": "QQ=="},
                {"kind": "end", "lines": 2},
            ],
            f"the contents with the digest {'0' * 64} are others",
        ),
        ([HEAD, {"kind": "permalink", "ident": "a", "requested": []}], "requested is missing"),
        (
            [HEAD, {"kind": "permalink", "ident": "a", "created": "2026-01-01T00:00:00+05:00"}],
            "created: not a time in UTC without a zone",
        ),
        ([HEAD, {"kind": "secret", "name": "permalink", "value": "QQ=="}], "not the key"),
        ([HEAD, {"kind": "secret", "name": "a" * 99, "value": KEY}], "not the key"),
        ([HEAD, {"kind": "end", "lines": 0}, HEAD], "line 3: something follows the end"),
        (
            [
                HEAD,
                {"kind": "contents", "digest": "0" * 64, "size": 1},
                {"kind": "data", "bytes": "QUFB"},
            ],
            "line 3: its contents have more bytes than they should have",
        ),
        (
            [
                HEAD,
                {"kind": "file", "kernel_id": "k", "name": "../x", "digest": "0" * 64},
            ],
            "line 2: name: ",
        ),
    ],
)
def test_a_file_that_is_no_export(tmp_path, capsys, lines, why):
    path = tmp_path / "file.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    url = f"sqlite:///{tmp_path}/cells.db"
    assert main(["db", "import", "--database", url, str(path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"sagecell-tx: {path}: ")
    assert why in told
    assert main(["db", "check", "--contents", "--database", url]) == 0
    assert "left by a crash: 0" in capsys.readouterr().out


def test_a_damaged_export_is_told(tmp_path, capsys):
    """Wherever a byte is another, its beginning or its checksum."""
    links = ({"kind": "permalink", "ident": f"p{n}", "code": hex(n**9)} for n in range(300))
    whole = gzip.compress(Path(written(tmp_path / "file", *links)).read_bytes(), mtime=0)
    for place in (*range(10, 60), len(whole) - 6, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "damaged").write_bytes(damaged)
        url = f"sqlite:///{tmp_path}/cells.db"
        assert main(["db", "import", "--database", url, str(tmp_path / "damaged")]) == 1
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "rows",
    [
        ["CAST(x'616263ff' AS TEXT), '1', NULL"],  # not UTF-8
        ["x'ff', '1', NULL"] * 120,
        ["7.5, '1', NULL"] * 120,
        ["NULL, '1', NULL"],
        ["'a', '1', '0001-01-01T00:00:00+05:00'", "'b', '1', '9999-12-31T23:59:59-05:00'"],
    ],
)
def test_a_source_of_another_program(tmp_path, capsys, rows):
    """Ids and times that SageMathCell does not write neither end an import nor keep it from ending."""
    source = tmp_path / "source.db"
    theirs = sqlite3.connect(source)
    theirs.execute("CREATE TABLE permalinks (ident, code, created)")
    for row in [*rows, "'a0', '1', NULL"]:
        theirs.execute(f"INSERT INTO permalinks VALUES ({row})")
    theirs.commit()
    theirs.close()
    url = f"sqlite:///{tmp_path}/cells.db"
    assert main(["db", "import", "--database", url, "--sagemathcell", str(source)]) == 0
    backend = open_backend(url, connections=1)
    with backend.reading() as connection:
        idents = connection.scalars(text("SELECT ident FROM permalinks")).all()
    backend.dispose()
    assert "a0" in idents


def test_ids_that_differ_in_case_only(tmp_path, capsys):
    source = tmp_path / "source.db"
    connection = sqlite3.connect(source)
    connection.execute("CREATE TABLE permalinks (ident TEXT COLLATE NOCASE, code)")
    idents = ["a" * n for n in range(1, 61)]
    for ident in ["-", *idents] + [ident.upper() for ident in idents]:
        connection.execute("INSERT INTO permalinks VALUES (?, '1')", (ident,))
    connection.commit()
    connection.close()
    url = f"sqlite:///{tmp_path}/cells.db"
    assert main(["db", "import", "--database", url, "--sagemathcell", str(source)]) == 0
    assert "permalinks: 121 added, 0 there already" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b\x08", gzip.compress(b"{}\n" * 1000, mtime=0)[:30], b"\xff"]
)
def test_a_file_that_is_damaged(tmp_path, capsys, content):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    url = f"sqlite:///{tmp_path}/cells.db"
    assert main(["db", "import", "--database", url, str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@given(st.binary())
def test_hostile_bytes(data):
    with pytest.raises(archive.Invalid):
        list(archive.read(io.BytesIO(data)))


@given(st.binary())
def test_bytes_are_what_they_were(data):
    line = archive.Line(1, {"x": archive.encoded(data)})
    assert line.data("x") == data
    assert base64.b64decode(archive.encoded(data)) == data


def test_prune_leaves_uploads_that_may_be_under_way(tmp_path, capsys):
    url = f"sqlite:///{tmp_path}/cells.db"
    assert main(["db", "upgrade", "--database", url]) == 0
    backend = open_backend(url, connections=1)
    now = datetime.now(UTC).timestamp()
    with backend.writing() as connection:
        for ident, created in (("young", now - 60.0), ("old", now - 1e6)):
            connection.execute(insert(blobs).values(id=ident, size=0, created=created))
    assert main(["db", "prune", "--database", url, "--files-older-than=0"]) == 0
    with backend.reading() as connection:
        assert connection.scalars(text("SELECT id FROM blobs")).all() == ["young"]
    backend.dispose()


@pytest.mark.parametrize("hours", ["-1", "nan", "soon", "1e9"])
def test_hours_that_are_none(capsys, hours):
    with pytest.raises(SystemExit) as end:
        main(["db", "prune", f"--files-older-than={hours}"])
    assert end.value.code == 2
    assert "is not a number of hours" in capsys.readouterr().err
