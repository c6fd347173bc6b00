"""Level ``account``: each kernel has a user id of its own.

For machines where namespaces are forbidden; needs root. Where Landlock is available, the kernel
can access only its own files and those that `visible` names. Where system calls can be filtered,
it has no sockets but UNIX sockets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from attrs import define, field

from sagecell_tx.kernelside import listeningsockets
from sagecell_tx.kernelside.bootstrap import Secrets
from sagecell_tx.kernelside.sandbox import landlock, seccomp, uids, visible
from sagecell_tx.kernelside.sandbox.levels import (
    KernelEnvironment,
    Setting,
    Unavailable,
    fork,
    own_environment,
)
from sagecell_tx.kernelside.startcommand import StartCommand
from sagecell_tx.kernelside.system import linux

#: The readable parts of /proc: they describe the machine and no processes.
_MACHINE = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version", "sys")


@define
class Account:
    """The level ``account``. Kernels may read the paths `further` beside those of `visible`."""

    setting: Setting
    further: Sequence[str] = ()
    name: str = field(default="account", init=False)
    features: Sequence[str] = field(default=(), init=False)
    unbounded: Sequence[str] = field(default=(), init=False)
    bounds_files: bool = field(default=False, init=False)
    _filter: seccomp.Filter | None = field(default=None, init=False)
    _accounts: uids.Accounts = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._accounts = uids.Accounts(*self.setting.accounts)

    def prepare(self) -> None:
        """Check that kernels with other accounts can run here; raises `Unavailable`."""
        if not uids.is_possible() or not self.setting.accounts[1]:
            raise Unavailable(
                "Accounts for kernels need a server that is started as root, "
                "and the setting accounts."
            )
        missing = uids.missing(*self.setting.accounts)
        if missing:
            raise Unavailable(missing)
        for path in (*visible.python_directories(), self.setting.kernels):
            locked = _locked_parent(path)
            if locked:
                raise Unavailable(
                    f"Other accounts cannot reach {path}: {locked} lacks the permission o+x."
                )
        self._filter = seccomp.compile_filter(own_network=False)
        self.features = (
            *(("landlock",) if landlock.version() else ()),
            *(("seccomp",) if self._filter is not None else ()),
        )
        beside = ("descriptors", "system_v") if self._filter is None else ()
        self.unbounded = ("pipes", "sockets", *beside)

    def fork(self, start: StartCommand, directory: int | None, run: Callable[[], object]) -> int:
        """See `Level.fork`; reserves an account for the new process."""
        self._accounts.take(start.kernel_id)
        return fork(run)

    def enter(self, start: StartCommand, secrets: Secrets) -> KernelEnvironment:
        """Change to the kernel's account and give up all privileges.

        The account becomes the owner of the kernel's directory, but not of that of its sockets,
        unless the kernel's program has to bind them.
        """
        account = self._accounts.of(start.kernel_id)
        binds = secrets.program is not None
        bound = {} if binds else listeningsockets.bind_in(f"{secrets.directory}/ipc")
        writable = ("work", "tmp", "ipc") if binds else ("work", "tmp")
        for name in ("", "/work", "/ipc") if binds else ("", "/work"):
            # No link: a program has been here if this start is repeated with another fork server.
            os.chown(f"{secrets.directory}{name}", account, account, follow_symlinks=False)
        linux.forbid_capabilities()
        uids.become(account)
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        linux.prctl(linux.PR_SET_DUMPABLE, 1)
        os.makedirs(f"{secrets.directory}/tmp", 0o700, exist_ok=True)
        if landlock.version():
            allowed = self._allowed(secrets.directory, writable)
            landlock.restrict(landlock.READ | landlock.WRITE, allowed)
        if self._filter is not None:
            self._filter.install()
        return own_environment(secrets.directory, bound)

    def _allowed(self, directory: str, writable: Sequence[str]) -> Iterator[tuple[str, int]]:
        yield directory, landlock.READ
        for name in writable:
            yield f"{directory}/{name}", landlock.WRITE
        for path in (*visible.SYSTEM, *visible.of_etc(), *visible.python_directories()):
            yield path, landlock.READ
        for path in (*self.further, "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"):
            yield path, landlock.READ
        for name in visible.DEVICES:
            yield f"/dev/{name}", landlock.USE
        yield f"/proc/{os.getpid()}", landlock.READ | landlock.WRITE_FILE
        for name in _MACHINE:
            yield f"/proc/{name}", landlock.READ

    def ended(self, kernel_id: int) -> None:
        """Free the kernel's account for others. Harmless if repeated."""
        self._accounts.give_back(kernel_id)


def _locked_parent(path: str) -> str:
    """The deepest directory on `path` that lacks o+x; "" if none does."""
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return path
        path = os.path.dirname(path)
    return ""
