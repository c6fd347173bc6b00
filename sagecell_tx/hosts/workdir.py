"""Kernels' directories: one each, made for a start, removed at the end, swept after a crash."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.config import ConfigError

_log = Logger()

PREFIX = "k-"

#: What is below a kernel's directory: where its program runs, and where its sockets are.
WORK = "work"
SOCKETS = "ipc"

#: Where the server's own ends of its ways to kernels are, below the root; see `hosts.relay`. Its
#: name is no longer than those of a kernel's directory and the sockets in it.
RELAYS = "relay"

#: The longest path that a UNIX socket can have, in bytes, without the NUL at its end.
SOCKET_PATH = 107


@define
class WorkDirs:
    """The directories below `root`. `token` makes short random names."""

    root: Path
    token: Callable[[], str]
    _lock: int | None = field(default=None, init=False)

    @property
    def relays(self) -> Path:
        """A directory that kernels cannot enter."""
        return self.root.absolute() / RELAYS

    def open(self) -> int:
        """Take `root` for this server alone and remove what a crash has left there.

        Returns how many directories were removed. Raises `ConfigError` when `root` cannot be
        used: not writable, too long a path for sockets, or in use by another server.
        """
        longest = self.root.absolute() / f"{PREFIX}{self.token()}" / SOCKETS / "k-0"
        if len(os.fsencode(longest)) > SOCKET_PATH:
            raise ConfigError(
                f"work_dir: {self.root} is too long a path: the kernels' sockets below it would "
                f"have more than {SOCKET_PATH} bytes. Set work_dir to a shorter one."
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # Kernels with accounts of their own pass through, to directories that are theirs.
            self.root.chmod(0o711)
            self._lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(self.relays, ignore_errors=True)
            self.relays.mkdir(mode=0o700)
        except BlockingIOError as error:
            self.close()
            raise ConfigError(f"{self.root} is in use by another server.") from error
        except OSError as error:
            raise ConfigError(f"work_dir: {self.root}: {error.strerror}") from error
        left = [path for path in self.root.iterdir() if path.name.startswith(PREFIX)]
        for path in left:
            self.remove(path)
        return len(left)

    def close(self) -> None:
        """Let `root` go."""
        if self._lock is not None:
            shutil.rmtree(self.relays, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def make(self) -> Path:
        """A new directory, with those of its program and of its sockets below it."""
        path = self.root.absolute() / f"{PREFIX}{self.token()}"
        path.mkdir(mode=0o700)
        (path / WORK).mkdir(mode=0o700)
        (path / SOCKETS).mkdir(mode=0o700)
        return path

    def remove(self, path: Path) -> None:
        """Remove a kernel's directory and all that its program left there. Blocks."""

        def insist(function: Callable[..., object], name: str, error: object) -> None:
            # A program may have locked its own directories.
            try:
                os.chmod(os.path.dirname(name), stat.S_IRWXU)
                if not os.path.islink(name):
                    os.chmod(name, stat.S_IRWXU)
                if function in (os.rmdir, os.unlink):
                    function(name)
                else:
                    shutil.rmtree(name)
            except OSError:
                _log.failure("{name} could not be removed", name=name)

        shutil.rmtree(path, onerror=insist)
