"""The fork of a process that is the first of its PID namespace.

It has user, mount, PID, network and UTS namespaces of its own, which belong to its user namespace. The IPC
namespace belongs to a user namespace around that one, whose root sets the limits of System V objects.
Linux makes a PID namespace for the children of a process only. So there is a process in between that enters
the other namespaces. It has no time to lose: where it can, it borrows the fork server's memory instead of copying it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial

from sagecell_tx.kernelside.sandbox.levels import fork
from sagecell_tx.kernelside.sandbox.namespaces import filesystem, sysvipc
from sagecell_tx.kernelside.sandbox.uids import become
from sagecell_tx.kernelside.system import linux
from sagecell_tx.kernelside.system.borrowing import Lender, register_thread

_OWN_OBJECTS = linux.CLONE_NEWUSER | linux.CLONE_NEWIPC
_OWN_SYSTEM = (
    linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWUTS
)  # and CLONE_NEWPID, in which the process in between must not be the first


def with_borrowed_memory(
    account: int | None, bounds: Mapping[str, str], run: Callable[[], object]
) -> int:
    """Fork a process that calls `run`, and returns its pid; as `Level.fork`. See `borrowing`.

    It waits until it is this process's child: it asks Linux to kill it when its parent ends.

    Nothing of the kernel's secrets may be read before `run`: what the processes in between read would stay
    in the fork server's memory. Linux gives a process that shares its memory no other user namespace, so each
    of them is made with a process.
    """
    lender, forked = Lender(), list[int]()
    adopted_read, adopted_write = os.pipe()

    def run_adopted() -> None:
        # It is going to end with its parent, which must not be the process in between.
        os.close(adopted_write)
        adopted = os.read(adopted_read, 1)
        os.close(adopted_read)
        if adopted:
            register_thread()
            run()

    def in_own_system() -> None:
        map_self(0, 0, filesystem.USER, filesystem.USER)
        linux.unshare(linux.CLONE_NEWPID)
        forked.append(fork(run_adopted))

    def in_own_objects(user: int, group: int) -> None:
        map_self(user, group, 0, 0)
        sysvipc.bound(bounds)
        lender.run(_OWN_SYSTEM, in_own_system)

    def as_account(user: int) -> None:
        _become(user)
        lender.run(_OWN_OBJECTS, partial(in_own_objects, user, user))

    try:
        if account is None:
            lender.run(_OWN_OBJECTS, partial(in_own_objects, os.getuid(), os.getgid()))
        else:
            lender.run(0, partial(as_account, account))
        # The processes in between have ended: from now on the new process is a child of this one.
        os.write(adopted_write, b"1")
    finally:
        os.close(adopted_read)
        os.close(adopted_write)
    return forked[0]


def with_copies(account: int | None, bounds: Mapping[str, str], run: Callable[[], object]) -> int:
    """As `with_borrowed_memory`, by way of a process with a copy of the memory."""
    ends: list[int] = []
    try:
        for _ in range(2):
            ends += os.pipe()
        intermediate = os.fork()
    except OSError:
        for end in ends:
            os.close(end)
        raise
    # The intermediate process writes the pid or an error; the kernel waits until it is adopted.
    pid_read, pid_write, adopted_read, adopted_write = ends

    def run_adopted() -> None:
        for end in (pid_read, pid_write, adopted_write):
            os.close(end)
        if os.read(adopted_read, 1):
            run()

    if intermediate == 0:
        _fork_inside(account, pid_write, bounds, run_adopted)
    os.close(pid_write)
    os.close(adopted_read)
    answer = os.read(pid_read, 4096)
    os.close(pid_read)
    # From now on the new process is a child of this one, which adopts orphans.
    os.waitpid(intermediate, 0)
    if not answer.isdigit():
        os.close(adopted_write)
        error = answer.decode("utf-8", "replace")
        raise OSError(0, error or "the intermediate process ended without an answer")
    os.write(adopted_write, b"1")
    os.close(adopted_write)
    return int(answer)


def _fork_inside(
    account: int | None, pid_write: int, bounds: Mapping[str, str], run: Callable[[], object]
) -> None:
    """In the intermediate process: unshare, fork, and end.

    Writes the new process's pid to `pid_write`, or an error.
    """
    status = 1
    try:
        own_objects(account, bounds)
        linux.unshare(_OWN_SYSTEM | linux.CLONE_NEWPID)
        map_self(0, 0, filesystem.USER, filesystem.USER)
        os.write(pid_write, b"%d" % fork(run))
        status = 0
    except BaseException as error:  # no exception may reach code that the fork server is to run
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) else repr(type(error))
        os.write(pid_write, why.encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _become(account: int) -> None:
    """Change to an account, and stay a process whose files in /proc belong to it. Raises OSError."""
    become(account)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)


def own_objects(account: int | None, bounds: Mapping[str, str]) -> bool:
    """Change to the account, if any, and become root of a new user and IPC namespace.

    Returns whether its System V objects are bounded. Raises OSError.
    """
    user, group = os.getuid(), os.getgid()
    if account is not None:
        _become(account)
        user = group = account
    linux.unshare(_OWN_OBJECTS)
    map_self(user, group, 0, 0)
    return sysvipc.bound(bounds)


def map_self(user: int, group: int, inner_user: int, inner_group: int) -> None:
    """Map this process's user and group, and no others, into its new user namespace."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inner_user} {user} 1"),
        ("gid_map", f"{inner_group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
