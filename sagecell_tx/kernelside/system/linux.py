"""System calls that Python has no functions for. Each raises OSError.

Source: the manual pages of section 2, and linux/{sched,mount,prctl,capability}.h.
"""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_FILES = 0x00000400
CLONE_PARENT = 0x00008000
CLONE_THREAD = 0x00010000
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_NEWCGROUP = 0x02000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4
MOUNT_ATTR_NOEXEC = 8

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_SET_THP_DISABLE = 41

SECCOMP_MODE_FILTER = 2

_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_MOUNT_SETATTR = 442  # the same on every architecture, as all system calls since 2019
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}

_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str = "") -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what or None)
    return result


def syscall(number: int, *arguments: object) -> int:
    """Make the system call of that number; returns its result."""
    return _check(_libc.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, *arguments: int | ctypes.c_void_p) -> None:
    """Set an attribute of this process or this thread."""
    padded = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    padded += [ctypes.c_ulong(0)] * (4 - len(padded))
    _check(_libc.prctl(option, *padded))


def unshare(flags: int) -> None:
    """Leave the namespaces of the CLONE_NEW* `flags` for new ones."""
    _check(_libc.unshare(flags))


def set_namespace(descriptor: int, kind: int) -> None:
    """Move this thread into the namespace of a descriptor; `kind` is its CLONE_NEW*."""
    _check(_libc.setns(descriptor, kind))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system of type `kind`; with MS_BIND, bind `source` to `target`."""
    _check(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        ),
        target,
    )


def unmount(target: str) -> None:
    """Detach a mount, which ends when it is no longer in use."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), target)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make `new_root` the root, and move the old one to `put_old`; KeyError on unknown machines."""
    number = _PIVOT_ROOT[platform.machine()]
    syscall(number, os.fsencode(new_root), os.fsencode(put_old))


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def restrict_mount(target: str, attributes: int, *, below: bool = True) -> None:
    """Add MOUNT_ATTR_* to a mount, and with `below` to those below it. Needs Linux 5.12."""
    wanted = _MountAttributes(attr_set=attributes)
    syscall(
        _MOUNT_SETATTR,
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE if below else 0),
        ctypes.byref(wanted),
        ctypes.c_size_t(ctypes.sizeof(wanted)),
    )


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def forbid_capabilities() -> None:
    """Empty the bounding set, so that no program run from here gains one. Needs CAP_SETPCAP."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        last = int(file.read())
    for capability in range(last + 1):
        prctl(PR_CAPBSET_DROP, capability)


def drop_capabilities() -> None:
    """Drop all capabilities of this thread."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(none)))


def capable(capability: int) -> bool:
    """Whether a capability is in this process's effective set."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> capability & 1)
    return False


CAP_SETUID = 7
CAP_SYS_ADMIN = 21
