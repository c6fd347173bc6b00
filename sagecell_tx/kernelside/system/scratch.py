"""A directory that is removed once this process has ended, whatever ends it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile

from attrs import define, field

#: Waits until the other end of its standard input is closed, which is when this process ends.
_REMOVE = 'read -r _; rm -rf -- "$1"'


@define(eq=False)
class ScratchDirectory:
    """The directory `path`, which others may read, and the process `pid`, which removes it.

    That process has a session of its own, so that no signal to this one's group reaches it, and
    sees the file system that this process saw when the directory was made. The lock keeps
    systemd-tmpfiles from removing what is old: what is read from a read-only mount never looks new.
    """

    path: str
    _remover: subprocess.Popen[bytes] = field(repr=False)
    _lock: int = field(repr=False)  # a descriptor, open as long as this process

    @classmethod
    def make(cls, prefix: str) -> ScratchDirectory:
        """Make a directory for temporary files whose name begins with `prefix`; raises OSError."""
        path = tempfile.mkdtemp(prefix=prefix)
        os.chmod(path, 0o755)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_SH)
        remover = subprocess.Popen(
            ["/bin/sh", "-c", _REMOVE, "sh", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(path, remover, lock)

    @property
    def pid(self) -> int:
        """The pid of the process that removes the directory."""
        return self._remover.pid

    def close(self) -> None:
        """Remove the directory. Harmless if repeated, but not for a forked process."""
        self._remover.communicate()
