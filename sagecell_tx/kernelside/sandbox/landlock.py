"""Landlock: restricts the files that a process may access, beside their permissions.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from sagecell_tx.kernelside.system import linux

# System calls, with the same numbers on every architecture.
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446

_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1

# Access rights; `_rights` has the versions that added some.
EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
_CHANGES = 0b1_1111_1111 << 4  # REMOVE_DIR to MAKE_SYM
_REFER = 1 << 13
_TRUNCATE = 1 << 14
_IOCTL_DEVICE = 1 << 15

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = WRITE_FILE | _CHANGES | _REFER | _TRUNCATE
#: The rights for a device or a single file.
USE = WRITE_FILE | READ_FILE

_SCOPE_ABSTRACT_SOCKETS = 1 << 0
_SCOPE_SIGNALS = 1 << 1

_LOG_SAME_EXEC_OFF = 1 << 0


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("directory", ctypes.c_int32))


def version() -> int:
    """The version of Landlock in this Linux; 0 for none."""
    try:
        return linux.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION))
    except OSError:
        return 0


def restrict(handled: int, allowed: Iterable[tuple[str, int]]) -> None:
    """From now on, this thread has the `handled` rights only where they are `allowed`.

    `allowed` are paths, each with the rights on and below it; paths that do not exist are skipped.
    From version 6 on, signals and abstract UNIX sockets are restricted as well. Needs
    PR_SET_NO_NEW_PRIVS. Raises OSError.
    """
    known = version()
    handled &= _rights(known)
    scoped = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if known >= 6 else 0
    attributes = _Ruleset(handled, 0, scoped)
    size = 24 if known >= 6 else 8
    ruleset = linux.syscall(
        _CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint(0)
    )
    try:
        for path, rights in allowed:
            _allow(ruleset, path, rights & handled)
        linux.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(flags(known)))
    finally:
        os.close(ruleset)


def flags(known: int) -> int:
    """What this version has to be told when it restricts a process.

    From 7 on, it writes each denied access of the program that has restricted itself to the audit log of the
    machine, where programs of strangers would fill it.
    """
    return _LOG_SAME_EXEC_OFF if known >= 7 else 0


def _rights(known: int) -> int:
    """The rights that this version can handle."""
    rights = READ | WRITE_FILE | _CHANGES
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEVICE)):
        rights |= right if known >= since else 0
    return rights


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        directory = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= EXECUTE | USE | _TRUNCATE | _IOCTL_DEVICE
        if rights:
            rule = _Beneath(rights, directory)
            linux.syscall(
                _ADD_RULE,
                ctypes.c_int(ruleset),
                ctypes.c_int(_PATH_BENEATH),
                ctypes.byref(rule),
                ctypes.c_uint(0),
            )
    finally:
        os.close(directory)
