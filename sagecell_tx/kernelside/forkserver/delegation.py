"""Which control group kernels' groups may be made in: the server's own, if it was given away.

systemd gives a service its group with ``Delegate=``. The server then is alone in it, and
may make others below::

    sagecell-tx.service/             here the controllers are turned on for those below
    sagecell-tx.service/server       the web process and its fork servers
    sagecell-tx.service/kernel-...   one kernel, and whatever it started

Linux turns controllers on only in groups without processes of their own, hence ``server``.
A group that is shared with others is not the server's, whoever may write to it.

Source: Documentation/admin-guide/cgroup-v2.rst of Linux, CGROUP_DELEGATION of systemd.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from sagecell_tx.kernelside.forkserver.cgroups import Groups, NoGroups, OwnGroups

#: Where the server's own processes are. Another name is respected: see DelegateSubgroup=.
SERVER = "server"

#: The controller without which groups are of no use, and those that are welcome.
NEEDED = "memory"
WELCOME = ("pids",)

#: The controller with which each kernel weighs the same; the groups are of use without it.
WEIGHING = "cpu"

#: The server's share of the processors, where a kernel's is 100.
_SERVER_WEIGHT = "1000"

#: How often processes that were just started are looked for.
_ROUNDS = 10


class Undelegated(Exception):
    """There can be no groups for kernels; the text is a sentence that says why."""


def groups(needed: str = NEEDED) -> tuple[Groups, str]:
    """The kernels' groups, and why there are none; that is empty if there are some.

    What a fork server that is gone has left there is removed. This process and its
    parent, which is the web process, are moved if they are in the way.
    """
    try:
        own = take(find(), ours={os.getpid(), os.getppid()}, needed=needed)
    except Undelegated as error:
        return NoGroups(), str(error)
    own.sweep()
    try:
        own.attempt()
    except OSError as error:
        own.close()
        return NoGroups(), f"A group for a kernel was tried: {error.strerror}."
    return own, ""


def find(process: str = "/proc/self") -> str:
    """The directory of a process's group in the cgroup2 file system; raises `Undelegated`."""
    try:
        with open(f"{process}/cgroup", encoding="utf-8") as file:
            own = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
        with open(f"{process}/mountinfo", encoding="utf-8") as file:
            mounts = [line.split() for line in file]
    except OSError as error:
        raise Undelegated(f"Control groups cannot be seen: {error.strerror}.") from error
    # What is outside of a namespace of groups begins with "/..".
    if own is not None and ".." not in own.split("/"):
        for fields in mounts:
            # As in proc_pid_mountinfo(5): the root, the mount point; after "-" the type.
            root, target, kind = fields[3].rstrip("/"), fields[4], fields[fields.index("-") + 1]
            if kind == "cgroup2" and f"{own}/".startswith(f"{root}/"):
                return f"{target}{own[len(root) :]}".rstrip("/")
    raise Undelegated("This process is in no group that can be seen in a cgroup2 file system.")


def take(
    own: str,
    *,
    ours: Collection[int],
    needed: str = NEEDED,
    manager: str = "/run/systemd/system",
) -> OwnGroups:
    """Make the group at the directory `own` one for kernels' groups; raises `Undelegated`.

    `ours` are the pids of the server, `manager` is there if systemd manages this machine.
    """
    above = os.path.dirname(own)
    in_subgroup = os.path.basename(own) == SERVER or _is_marked(above)
    base = above if in_subgroup else own
    try:
        return _take(base, own if in_subgroup else f"{own}/{SERVER}", ours, needed, manager)
    except OSError as error:
        raise Undelegated(f"{base} is not the server's own: {error.strerror}.") from error


def _take(base: str, server: str, ours: Collection[int], needed: str, manager: str) -> OwnGroups:
    there = set(_read(f"{base}/cgroup.controllers").split())
    if needed not in there:
        raise Undelegated(f"{base} has no controller {needed!r}.")
    # Root may write to what is systemd's, too, and only the mark tells.
    if os.getuid() == 0 and os.path.isdir(manager) and not _is_marked(base):
        raise Undelegated(f"{base} is systemd's, which has not delegated it.")
    if not _processes(base) <= set(ours):
        raise Undelegated(f"Others than the server are in {base}.")
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
            with suppress(OSError):  # not while we are in it
                os.rmdir(server)
        raise
    below = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return OwnGroups(below, controllers)


def _empty(base: str, server: str) -> None:
    """Move all processes; one that is moved may have started another meanwhile."""
    for _ in range(_ROUNDS):
        processes = _processes(base)
        if not processes:
            return
        for pid in processes:
            with suppress(ProcessLookupError):
                _write(f"{server}/cgroup.procs", str(pid))


def _weigh(base: str, server: str) -> None:
    """Give each kernel the same share of the processors, and the server a greater one.

    Linux may refuse the controller where somebody has real-time tasks; that is no reason to
    have no groups.
    """
    with suppress(OSError):
        _write(f"{base}/cgroup.subtree_control", f"+{WEIGHING}")
        _write(f"{server}/cpu.weight", _SERVER_WEIGHT)


def _is_marked(directory: str) -> bool:
    """Whether systemd says that it has given the group away."""
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
