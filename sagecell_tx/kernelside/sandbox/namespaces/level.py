"""Level ``namespaces``: each kernel is the init process of its own PID namespace.

It has user, mount, UTS, IPC and network namespaces of its own. It sees the system read-only and no
personal files, and can write only to a tmpfs that is removed with it. All its processes end with
it. Landlock and a filter of system calls enforce the same again, where they are available.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from attrs import define, field

from sagecell_tx.kernelside import listeningsockets
from sagecell_tx.kernelside.bootstrap import Secrets
from sagecell_tx.kernelside.sandbox import landlock, seccomp
from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment, Setting, Unavailable
from sagecell_tx.kernelside.sandbox.namespaces import (
    filesystem,
    forking,
    network,
    refusals,
    sysvipc,
    ucounts,
)
from sagecell_tx.kernelside.sandbox.uids import Accounts, missing
from sagecell_tx.kernelside.startcommand import TRIAL, StartCommand
from sagecell_tx.kernelside.system import borrowing, linux

#: Files and directories that a kernel may have in memory.
_FILES = 50_000

#: Pseudoterminals of one kernel: all kernels share the limit ``kernel.pty.max``.
_TERMINALS = 32


@define
class Namespaces:
    """The level ``namespaces``; if the server is root, with a user id for each kernel as well.

    `further` are directories that kernels see beside those of `visible`.
    """

    setting: Setting
    further: Sequence[str] = ()
    name: str = field(default="namespaces", init=False)
    features: Sequence[str] = field(default=(), init=False)
    unbounded: Sequence[str] = field(default=(), init=False)
    bounds_files: bool = field(default=True, init=False)
    _filter: seccomp.Filter | None = field(default=None, init=False)
    _accounts: Accounts | None = field(default=None, init=False)
    _temporary: str = field(default="/tmp", init=False)
    _below_temporary: Sequence[str] = field(default=(), init=False)

    def prepare(self) -> None:
        """Enter a mount namespace with the kernels' file system; raises `Unavailable`."""
        self._filter = seccomp.compile_filter(own_network=True)
        self.features = (
            *(("landlock",) if landlock.version() else ()),
            *(("seccomp",) if self._filter is not None else ()),
        )
        if linux.capable(linux.CAP_SETUID) and self.setting.accounts[1]:
            if not linux.capable(linux.CAP_SYS_ADMIN):
                raise Unavailable(
                    refusals.NO_CAPABILITY
                )  # its accounts have no place in a user namespace
            why = missing(*self.setting.accounts)
            if why:
                raise Unavailable(why)
            self._accounts = Accounts(*self.setting.accounts)
        self._temporary, self._below_temporary = filesystem.temporary(self.further)
        try:
            if linux.capable(linux.CAP_SYS_ADMIN):
                linux.unshare(linux.CLONE_NEWNS)
            else:
                user, group = os.getuid(), os.getgid()
                _unshare_user()
                forking.map_self(user, group, user, group)
            filesystem.enter(self.setting, self.further)
            account = self.setting.accounts[0] if self._accounts is not None else None
            bounded = _can_bound_objects(account)
        except OSError as error:
            raise Unavailable(f"Namespaces cannot be set up: {error}.") from error
        self.unbounded = ("pipes",) if bounded else ("pipes", "system_v")
        if self._filter is None:  # a program may then make namespaces of its own
            self.unbounded = ("descriptors", "pipes", "sockets", "system_v")

    def fork(self, start: StartCommand, directory: int | None, run: Callable[[], object]) -> int:
        """See `Level.fork`. The process that makes the new one's namespaces ends before this returns."""
        account = None if self._accounts is None else self._accounts.take(start.kernel_id)
        if account is not None and directory is not None:
            os.chown(directory, account, account)
            os.chown("ipc", account, account, dir_fd=directory, follow_symlinks=False)
        fork = forking.with_borrowed_memory if borrowing.available() else forking.with_copies
        try:
            return fork(account, sysvipc.bounds(start), run)
        except OSError as error:
            raise OSError(error.errno, refusals.of_namespaces(error)) from error

    def enter(self, start: StartCommand, secrets: Secrets) -> KernelEnvironment:
        """Make the kernel's own mounts and sockets, then give up all privileges; raises `Unavailable`."""
        _make_mounts(start, secrets.directory, self._temporary, self._below_temporary)
        network.raise_loopback()
        if start.proxy:
            network.give_listener_away(filesystem.SOCKETS)
        writable = [*_WRITABLE, self._temporary]
        shared: int | None = None
        bound: listeningsockets.Listeners = {}
        if secrets.program is None:
            bound = listeningsockets.bind(f"{filesystem.SOCKETS}/k")
            linux.restrict_mount(filesystem.SOCKETS, _READ_ONLY)
        else:
            shared = filesystem.make_sockets_writable()
            writable.append(filesystem.SOCKETS)
        linux.forbid_capabilities()
        linux.drop_capabilities()
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        linux.prctl(linux.PR_SET_DUMPABLE, 1)
        if landlock.version():
            allowed = [(path, landlock.WRITE) for path in writable]
            # Not /proc: a program could change the nice values of its autogroups there.
            allowed.append(("/dev", landlock.WRITE_FILE))
            landlock.restrict(landlock.WRITE, allowed)
        if self._filter is not None:
            self._filter.install()
        return KernelEnvironment(
            work=filesystem.HOME,
            temporary=self._temporary,
            sockets=filesystem.SOCKETS,
            listeners=bound,
            shared=shared,
            variables=network.environment() if start.proxy else {},
            network="proxy" if start.proxy else "none",
        )

    def ended(self, kernel_id: int) -> None:
        """Free the kernel's account for others. Harmless if repeated."""
        if self._accounts is not None:
            self._accounts.give_back(kernel_id)


_WRITABLE = (filesystem.HOME, "/dev/shm", "/dev/pts")

#: For the directory of the sockets, which is on the host's disk, once they are bound; and for
#: /proc/sys.
_READ_ONLY = (
    linux.MOUNT_ATTR_RDONLY
    | linux.MOUNT_ATTR_NOSUID
    | linux.MOUNT_ATTR_NODEV
    | linux.MOUNT_ATTR_NOEXEC
)


def _unshare_user() -> None:
    """Make a user namespace, and a mount namespace in it; raises `Unavailable`."""
    try:
        linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS)
    except OSError as error:
        raise Unavailable(refusals.of_namespaces(error)) from error


def _can_bound_objects(account: int | None) -> bool:
    """Whether the kernels' System V objects can be bounded here; tries it in a child process."""
    pid = os.fork()
    if pid == 0:
        status = 1
        with suppress(BaseException):
            bounds = sysvipc.bounds(TRIAL)
            status = 0 if forking.own_objects(account, bounds) else 1
        os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def _make_mounts(
    start: StartCommand, directory: str, temporary: str, below_temporary: Iterable[str]
) -> None:
    """Make this kernel's own mounts, and hide the other kernels' directories.

    The directories `below_temporary` stay visible there, read-only as they are.
    """
    flags = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount(f"{directory}/ipc", filesystem.SOCKETS, flags=linux.MS_BIND)
    kernels = os.path.dirname(directory)
    linux.mount("tmpfs", kernels, "tmpfs", flags | linux.MS_RDONLY, "size=4k,mode=555")
    size = start.limits.directory_bytes
    linux.mount("tmpfs", filesystem.OWN, "tmpfs", flags, f"size={size},nr_inodes={_FILES},mode=700")
    for name, target in (("work", filesystem.HOME), ("tmp", temporary), ("shm", "/dev/shm")):
        os.mkdir(f"{filesystem.OWN}/{name}", 0o700)
        for path in below_temporary if target == temporary else ():
            place = f"{filesystem.OWN}/{name}{path.removeprefix(temporary)}"
            os.makedirs(place, exist_ok=True)
            linux.mount(path, place, flags=linux.MS_BIND | linux.MS_REC)
        linux.mount(f"{filesystem.OWN}/{name}", target, flags=linux.MS_BIND | linux.MS_REC)
    linux.unmount(filesystem.OWN)
    try:
        linux.mount("proc", "/proc", "proc", flags | linux.MS_NOEXEC)
    except PermissionError as error:
        raise Unavailable(refusals.PROC_IS_MASKED) from error
    ucounts.set_all()
    # The limits of its System V objects are there, and its user id could write them.
    linux.mount("/proc/sys", "/proc/sys", flags=linux.MS_BIND)
    linux.restrict_mount("/proc/sys", _READ_ONLY)
    linux.mount(
        "devpts",
        "/dev/pts",
        "devpts",
        linux.MS_NOSUID | linux.MS_NOEXEC,
        f"newinstance,ptmxmode=666,max={_TERMINALS}",
    )
