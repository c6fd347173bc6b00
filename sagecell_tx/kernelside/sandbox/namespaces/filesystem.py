"""The file system that all kernels of a fork server see: read-only, with visible paths only.

It is made once, in a mount namespace of the fork server's own, and becomes the fork server's
root. Each kernel then adds its own mounts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from sagecell_tx.kernelside.sandbox import visible
from sagecell_tx.kernelside.sandbox.levels import Setting
from sagecell_tx.kernelside.system import linux

#: The kernel's home, where cells run; the mount points of its own file system and of its sockets.
HOME = "/home/cell"
OWN = "/run/own"
SOCKETS = "/run/ipc"

#: The directory of a kernel's temporary files when Python is below /tmp.
OTHER_TEMPORARY = "/run/tmp"

#: The user and group id of a kernel in its own user namespace.
USER = 1000

#: The size of a file system for sockets, a connection file and the beginning of a log.
_SOCKETS_SIZE = "size=64k,nr_inodes=64,mode=700"

#: The mount point of the new root while it is made.
_SCRATCH = "/tmp"
_OLD = "/old"

_READ_ONLY = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV

_PASSWD = f"root:x:0:0:root:/:/usr/sbin/nologin\ncell:x:{USER}:{USER}:cell:{HOME}:/bin/sh\n"
_GROUP = f"root:x:0:\ncell:x:{USER}:\n"
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
_NAMES = "passwd: files\ngroup: files\nhosts: files dns\n"


def enter(setting: Setting, further: Iterable[str] = ()) -> None:
    """Make the new root this process's own, which needs its own mount namespace. Raises OSError.

    `further` are directories that are visible beside the system and Python.
    """
    shown = (*visible.SYSTEM, *visible.of_etc(), *visible.python_directories(), *further)
    # Symbolic links are resolved before the root changes.
    found = [(path, os.path.realpath(path)) for path in shown]
    kernels = os.path.realpath(setting.kernels)
    os.umask(0o022)  # kernels with other accounts need to pass through
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", _SCRATCH, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755,size=4m")
    os.chdir(_SCRATCH)
    os.mkdir("old")
    linux.pivot_root(".", "old")
    os.chdir("/")
    for path, real in found:
        _show(path, f"{_OLD}{real}")
    _make_etc()
    _make_devices()
    for path in ("/proc", "/dev/shm", "/dev/pts", "/tmp", OTHER_TEMPORARY, HOME, OWN, SOCKETS):
        os.makedirs(path, mode=0o755, exist_ok=True)
    # Linux lets a kernel mount its own /proc only while this one is visible.
    linux.mount(f"{_OLD}/proc", "/proc", flags=linux.MS_BIND | linux.MS_REC)
    for path in setting.hidden:
        _hide(path)
    os.makedirs(setting.kernels, mode=0o755, exist_ok=True)
    linux.mount(f"{_OLD}{kernels}", setting.kernels, flags=linux.MS_BIND)
    linux.unmount(_OLD)
    os.rmdir(_OLD)
    linux.restrict_mount("/", _READ_ONLY, below=False)


def temporary(further: Iterable[str] = ()) -> tuple[str, list[str]]:
    """The mount point of a kernel's temporary files, which must not cover what is visible.

    Also the directories of `further` that it would cover, so that each kernel has to mount them again.
    """
    python = [os.path.realpath(path) for path in visible.python_directories()]
    below = [path for path in further if os.path.realpath(path).startswith("/tmp/")]
    if any(path.startswith("/tmp/") for path in python) or any(map(_is_elsewhere, below)):
        return OTHER_TEMPORARY, []
    return "/tmp", below


def make_sockets_writable() -> int:
    """Mount a small file system for the sockets of a kernel's program; raises OSError.

    Nothing that the program writes there reaches the host's disk. Returns a descriptor of its
    directory, by which the server finds the sockets.
    """
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("tmpfs", SOCKETS, "tmpfs", flags, _SOCKETS_SIZE)
    return os.open(SOCKETS, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _is_elsewhere(path: str) -> bool:
    return os.path.realpath(path) != path or not os.path.isdir(path)


def _show(path: str, old: str) -> None:
    """Bind a directory or a file of the old root, or copy a symbolic link."""
    if os.path.islink(f"{_OLD}{path}") and not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(os.readlink(f"{_OLD}{path}"), path)
        return
    if os.path.isdir(old):
        os.makedirs(path, exist_ok=True)
    elif os.path.isfile(old):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    else:
        return
    linux.mount(old, path, flags=linux.MS_BIND | linux.MS_REC)
    linux.restrict_mount(path, _READ_ONLY)


def _hide(path: str) -> None:
    """Mount an empty tmpfs over a directory, if it is visible."""
    if os.path.isdir(path):
        linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755,size=64k")


def _make_etc() -> None:
    texts = {"passwd": _PASSWD, "group": _GROUP, "hosts": _HOSTS, "nsswitch.conf": _NAMES}
    os.makedirs("/etc", exist_ok=True)
    for name, text in texts.items():
        with open(f"/etc/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _make_devices() -> None:
    os.makedirs("/dev")
    for name in visible.DEVICES:
        path = f"/dev/{name}"
        if os.path.exists(f"{_OLD}{path}"):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
            linux.mount(f"{_OLD}{path}", path, flags=linux.MS_BIND)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ):
        os.symlink(target, f"/dev/{name}")
