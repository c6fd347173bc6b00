"""A PostgreSQL server of the tests' own: Debian's programs on a directory and a port of theirs.

It does not run as root, which PostgreSQL refuses. Where its programs are not installed, tests are
skipped; ``make postgresql`` installs them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import psutil
import psycopg
import pytest

from tests.integration.servers import free_port
from tests.integration.waiting import until
from tests.processtree import status_of

USER, PASSWORD = "cells", "not a secret"


def programs() -> Path | None:
    """The directory of the newest server's programs; None if there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found and (installed := shutil.which("postgres")):
        return Path(installed).resolve().parent
    return max(found, key=lambda path: int(path.parent.name), default=None)


def _account() -> dict[str, Any]:
    """Whom its processes belong to, as arguments of `subprocess.run`: this user, unless that is root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = names.get("postgres") or names["nobody"]
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _halt(process: subprocess.Popen[bytes]) -> None:
    """Stop the process that starts all others: from now on, its children are those that there are."""
    process.send_signal(signal.SIGSTOP)
    until(lambda: process.poll() is not None or status_of(psutil.Process(process.pid)) == "stopped")


class PostgreSQLServer:
    """A server that can be stopped, killed and started again on the same data.

    Its socket needs no password, its port does. It does not wait for the disk, which a killed process
    does not notice.
    """

    def __init__(self, *settings: str) -> None:
        found = programs()
        if found is None:
            pytest.skip("PostgreSQL is not installed: make postgresql")
        self.programs = found
        self.directory = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self.account = _account()
        if self.account:
            os.chown(self.directory, self.account["user"], self.account["group"])
        self.port = free_port()
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def __enter__(self) -> Self:
        try:
            self._create()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.kill()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _create(self) -> None:
        password = self.directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C", f"--username={USER}"]
        options += ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
        done = subprocess.run(
            [self.programs / "initdb", "--pgdata", self.directory / "data", *options],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=120,
            **self.account,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start, and wait until it accepts connections."""
        settings = [
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.directory}",
            f"port={self.port}",
            "fsync=off",
            "max_connections=60",
            "shared_buffers=16MB",
            "autovacuum=off",  # it locks tables now and then
            *self.settings,
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.directory / "data", *options],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self.account,
            )
        until(self._accepts)

    def _accepts(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Stop: connections are closed, and it waits for nobody."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill all of its processes."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        if how == signal.SIGKILL:
            _halt(process)
        try:
            children = psutil.Process(process.pid).children()
        except psutil.NoSuchProcess:
            children = []
        process.send_signal(how)
        if how == signal.SIGKILL:
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        process.wait(timeout=60)
        psutil.wait_procs(children, timeout=60)

    def suspend(self) -> None:
        """Let no process of it do anything; connections stay open."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self.process is not None
        if number == signal.SIGSTOP:
            _halt(self.process)
        else:
            self.process.send_signal(number)
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)

    def log(self) -> str:
        """What it logged."""
        return (self.directory / "log").read_text(errors="replace")

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """A connection of the test's own, on which each statement is a transaction."""
        return psycopg.connect(
            host=str(self.directory),
            port=self.port,
            user=USER,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def create(self) -> str:
        """Make an empty database; returns its name."""
        self._databases += 1
        name = f"cells{self._databases}"
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return name

    def url(self, name: str, **parameters: object) -> str:
        """The URL of a database at the server's socket, which needs no password."""
        query = urlencode({"host": self.directory, "port": self.port, **parameters})
        return f"postgresql://{USER}@/{name}?{query}"

    def tcp_url(self, name: str, password: str = PASSWORD) -> str:
        """The URL of a database at the server's port."""
        return f"postgresql://{USER}:{quote(password)}@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A server for the tests of a module."""
    with PostgreSQLServer() as server:
        yield server
