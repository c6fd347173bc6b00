"""Small disks, which can be filled to the last byte: file systems in memory."""

from __future__ import annotations

import errno
import itertools
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.postgresql import PostgreSQLServer

#: Seconds between two looks whether a full disk has room again, since something was deleted.
_LOOK = 0.1


class SmallDisk:
    """A file system of so many megabytes at `path`; with `files`, of so many files at most."""

    def __init__(self, path: Path, megabytes: int, *, files: int = 0, options: str = "") -> None:
        self.path = path
        self._options = f"size={megabytes}m,nr_inodes={files},{options or 'mode=0755'}"
        self._files = files
        self._mounted = False
        self._freed = threading.Event()
        self._filling: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", str(self.path)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        self._mounted = True
        return self

    def __exit__(self, *_: object) -> None:
        self.free()
        if self._mounted:
            self._mounted = False
            command = ["umount", "--lazy", str(self.path)]
            subprocess.run(command, check=False, capture_output=True, timeout=30)

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self) -> None:
        """Take all that is free, and what is freed later, until `free`."""
        self._ballast.mkdir()
        self._fill()
        self._freed.clear()
        self._filling = threading.Thread(target=self._keep_full)
        self._filling.start()

    def free(self) -> None:
        """Give everything back. Harmless if it is not filled."""
        if self._filling is not None:
            self._freed.set()
            self._filling.join()
            self._filling = None
            shutil.rmtree(self._ballast)

    def _keep_full(self) -> None:
        while not self._freed.wait(_LOOK):
            self._fill()

    def _fill(self) -> None:
        for size in (1 << 20, 4096):
            _append(self._ballast / "bytes", size)
        if self._files:
            _make_files(self._ballast)


def _append(path: Path, size: int) -> None:
    """Append pieces of so many bytes until there is no room for another one."""
    with path.open("ab", buffering=0) as file, _until_full():
        while file.write(bytes(size)) == size:
            pass


def _make_files(directory: Path) -> None:
    """Make empty files until there is no room for another one."""
    with _until_full():
        for number in itertools.count(len(list(directory.iterdir()))):
            (directory / str(number)).touch()


@contextmanager
def _until_full() -> Iterator[None]:
    """Ends quietly when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def why_no_disks() -> str:
    """Why there can be no such disks here; empty if there can."""
    with tempfile.TemporaryDirectory(prefix="disk") as name:
        try:
            with SmallDisk(Path(name) / "disk", 1):
                return ""
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", b"") or b""
            return f"nothing can be mounted: {said.decode(errors='replace').strip() or error}"


class SmallPostgreSQL(PostgreSQLServer):
    """A PostgreSQL whose data are on a small disk, unless there can be none."""

    def __init__(self, megabytes: int) -> None:
        super().__init__("max_wal_size=64MB", "min_wal_size=32MB")
        self.disk: SmallDisk | None = None
        if megabytes:
            options = "mode=0700"
            if self.account:
                options += f",uid={self.account['user']},gid={self.account['group']}"
            self.disk = SmallDisk(self.directory / "data", megabytes, options=options)

    def _create(self) -> None:
        if self.disk is not None:
            self.disk.__enter__()
        super()._create()

    def __exit__(self, *_: object) -> None:
        try:
            self.kill()
            if self.disk is not None:
                self.disk.__exit__()
        finally:
            super().__exit__()

    def revive(self) -> bool:
        """Start it if it has ended, as systemd does; returns whether it had."""
        if self.process is not None and self.process.poll() is None:
            return False
        self.process = None
        self.start()
        return True
