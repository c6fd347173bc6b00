"""Kernels' directories: each is made for a start and removed at the kernel's end.

After a crash of the server, the next start removes those that are left.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.directories import rmtree
from sagecell_tx.process.nodes import PRIVATE

_log = Logger()

PREFIX = "k-"

#: The subdirectories of a kernel's directory: where its cells run, and where its sockets are.
WORK = "work"
SOCKETS = "ipc"

_SAME_ACCOUNTS = (
    "node: another server here has the same user ids for its kernels: one whose number differs by "
    "four, eight or so. Choose another number."
)

#: The longest path that a UNIX socket can have, in bytes, without the NUL at its end.
SOCKET_PATH = 107


@define
class WorkDirs:
    """The kernels' directories below `root`. `token` makes short random names.

    Of servers with the same file `accounts`, only one can have its directories open: their kernels would have the
    same user ids.
    """

    root: Path
    token: Callable[[], str]
    accounts: Path | None = None
    _locks: list[int] = field(factory=list, init=False)

    @property
    def relays(self) -> Path:
        """The directory of the relays' sockets (see `hosts.channels.relay`), which kernels cannot enter."""
        return self.root.absolute() / PRIVATE

    @property
    def taken(self) -> bool:
        """Whether this server has locked `root`."""
        return bool(self._locks)

    def open(self) -> list[Path]:
        """Lock `root` for this server; returns the directories that a crash has left there.

        Raises `ConfigError` if `root` cannot be used: not writable, too long a path for sockets, or
        in use by another server, whose files are then unchanged.
        """
        longest = self.root.absolute() / f"{PREFIX}{self.token()}" / SOCKETS / "k-0"
        if len(os.fsencode(longest)) > SOCKET_PATH:
            raise ConfigError(
                f"work_dir: {self.root} is too long a path: the kernels' sockets below it would "
                f"have paths of more than {SOCKET_PATH} bytes. Set work_dir to a shorter one."
            )
        try:
            made = [path for path in (self.root, *self.root.parents) if not path.exists()]
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock(self.root / "lock", f"{self.root} is in use by another server.")
            if self.accounts is not None:
                self._lock(self.accounts, _SAME_ACCOUNTS)
            # Kernels with accounts of their own must pass through to their directories.
            for path in {self.root, *made}:
                path.chmod(0o711)
            self.remove(self.relays)
            self.relays.mkdir(mode=0o700, exist_ok=True)
            return [path for path in self.root.iterdir() if path.name.startswith(PREFIX)]
        except OSError as error:
            self.close()
            raise ConfigError(f"work_dir: {self.root}: {error.strerror}") from error
        except ConfigError:
            self._unlock()
            raise

    def _lock(self, path: Path, taken: str) -> None:
        """Lock a file until `close`. Raises `ConfigError` with the sentence `taken` if another process has."""
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            if isinstance(error, BlockingIOError):
                raise ConfigError(taken) from error
            raise
        self._locks.append(lock)

    def _unlock(self) -> None:
        while self._locks:
            os.close(self._locks.pop())

    def close(self) -> None:
        """Remove the relays' directory and unlock `root`. Harmless if it is not locked."""
        if self._locks:
            self.remove(self.relays)
            self._unlock()

    def make(self) -> Path:
        """Make a kernel's directory with its subdirectories; raises OSError."""
        path = self.root.absolute() / f"{PREFIX}{self.token()}"
        path.mkdir(mode=0o700)
        (path / WORK).mkdir(mode=0o700)
        (path / SOCKETS).mkdir(mode=0o700)
        return path

    def remove(self, path: Path, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Remove a directory and all below it, while `wanted` returns true. Blocks.

        Returns whether it is gone. Raises nothing: a failure is logged, and the next start of the
        server removes what is left.
        """
        try:
            rmtree.remove(path, wanted)
        except rmtree.NotRemoved as error:
            _log.error("{path}: not removed: {why}", path=str(path), why=str(error))
        except Exception:
            _log.failure("{path}: not removed", path=str(path))
        else:
            return True
        return False
