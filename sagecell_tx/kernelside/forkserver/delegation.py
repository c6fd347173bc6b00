"""The control group in which kernels' groups may be made: the server's own, if it is delegated.

systemd delegates a service's group with ``Delegate=``. The server's processes are then the only
ones in it, and the server may make others below::

    sagecell-tx.service/             here the controllers are turned on for those below
    sagecell-tx.service/server       the web process and its fork servers
    sagecell-tx.service/kernel-...   one kernel, and whatever it started

Linux enables controllers only below groups without processes of their own; so the server's
processes move to ``server``. A group that other processes share is not used, even if it can be
written.

Source: Documentation/admin-guide/cgroup-v2.rst of Linux, CGROUP_DELEGATION of systemd.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from sagecell_tx.kernelside.forkserver.cgroups import Groups, NoGroups, OwnGroups

#: Where the server's own processes are. Another name is respected: see DelegateSubgroup=.
SERVER = "server"

#: The required controller, and the optional ones.
NEEDED = "memory"
WELCOME = ("pids",)

#: The optional controller that gives each kernel the same share of the processors.
WEIGHING = "cpu"

#: The server's share of the processors, where a kernel's is 100.
_SERVER_WEIGHT = "1000"

#: How often `_empty` looks for processes that were started meanwhile.
_ROUNDS = 10


class Undelegated(Exception):
    """No groups can be made for kernels; the text is a sentence that says why."""


def groups(helpers: Collection[int], needed: str = NEEDED) -> tuple[Groups, str]:
    """The kernels' groups, and a sentence that says why there are none, or "".

    Removes the groups of fork servers that have ended. Moves this process, its children `helpers`
    and its parent, the web process, out of the group that kernels' groups are made in.
    """
    try:
        own = take(find(), ours={os.getpid(), os.getppid(), *helpers}, needed=needed)
    except Undelegated as error:
        return NoGroups(), str(error)
    own.sweep()
    try:
        own.attempt()
    except OSError as error:
        own.close()
        return NoGroups(), f"The trial of a kernel's group failed: {error.strerror}."
    return own, ""


def find(process: str = "/proc/self") -> str:
    """The directory of a process's group in the cgroup2 file system; raises `Undelegated`."""
    try:
        with open(f"{process}/cgroup", encoding="utf-8") as file:
            own = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
        with open(f"{process}/mountinfo", encoding="utf-8") as file:
            mounts = [line.split() for line in file]
    except OSError as error:
        raise Undelegated(f"Control groups cannot be read: {error.strerror}.") from error
    # A path outside of the cgroup namespace begins with "/..".
    if own is not None and ".." not in own.split("/"):
        for fields in mounts:
            # As in proc_pid_mountinfo(5): root, mount point, and the type after "-".
            root, target, kind = fields[3].rstrip("/"), fields[4], fields[fields.index("-") + 1]
            if kind == "cgroup2" and f"{own}/".startswith(f"{root}/"):
                return f"{target}{own[len(root) :]}".rstrip("/")
    raise Undelegated("The group of this process is not visible in any cgroup2 file system.")


def take(
    own: str,
    *,
    ours: Collection[int],
    needed: str = NEEDED,
    manager: str = "/run/systemd/system",
) -> OwnGroups:
    """Prepare the group at the directory `own` for kernels' groups; raises `Undelegated`.

    `ours` are the server's pids. The directory `manager` exists if systemd manages this machine.
    """
    above = os.path.dirname(own)
    in_subgroup = os.path.basename(own) == SERVER or _is_marked(above)
    base = above if in_subgroup else own
    try:
        return _take(base, own if in_subgroup else f"{own}/{SERVER}", ours, needed, manager)
    except OSError as error:
        raise Undelegated(f"{base} cannot be used: {error.strerror}.") from error


def _take(base: str, server: str, ours: Collection[int], needed: str, manager: str) -> OwnGroups:
    there = set(_read(f"{base}/cgroup.controllers").split())
    if needed not in there:
        raise Undelegated(f"{base} has no controller {needed!r}.")
    # Root can also write to groups that systemd has not delegated: only the mark shows that.
    if os.getuid() == 0 and os.path.isdir(manager) and not _is_marked(base):
        raise Undelegated(f"{base} belongs to systemd, which has not delegated it.")
    if not _processes(base) <= set(ours):
        raise Undelegated(f"Processes other than the server's are in {base}.")
    made = not os.path.isdir(server)
    if made:
        os.mkdir(server)
    controllers = (needed, *(name for name in WELCOME if name in there))
    try:
        _empty(base, server)
        if WEIGHING in there:
            _weigh(base, server)
        _write(f"{base}/cgroup.subtree_control", " ".join(f"+{name}" for name in controllers))
    except OSError:
        if made:
            with suppress(OSError):  # fails while this process is in it
                os.rmdir(server)
        raise
    below = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return OwnGroups(below, controllers)


def _empty(base: str, server: str) -> None:
    """Move all processes, in rounds: one that is moved may have started another meanwhile."""
    for _ in range(_ROUNDS):
        processes = _processes(base)
        if not processes:
            return
        for pid in processes:
            with suppress(ProcessLookupError):
                _write(f"{server}/cgroup.procs", str(pid))


def _weigh(base: str, server: str) -> None:
    """Give each kernel the same share of the processors, and the server a larger one.

    Linux may refuse the controller where there are real-time tasks; groups work without it.
    """
    with suppress(OSError):
        _write(f"{base}/cgroup.subtree_control", f"+{WEIGHING}")
        _write(f"{server}/cpu.weight", _SERVER_WEIGHT)


def _is_marked(directory: str) -> bool:
    """Whether systemd has marked the group as delegated."""
    for name in ("user.delegate", "trusted.delegate"):
        with suppress(OSError):
            if os.getxattr(directory, name) == b"1":
                return True
    return False


def _processes(directory: str) -> set[int]:
    return set(map(int, _read(f"{directory}/cgroup.procs").split()))


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(text.encode("ascii"))
