"""The directories that a kernelspec's kernels have to read: where its program is installed."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress

#: Where kernels may read in any case.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")

#: Each directory in one of these belongs to a user, a disk or a service, not to a kernel alone.
_OF_MANY = ("/", "/home", "/media", "/mnt", "/run", "/var")

#: Here each kernel has something else than the server.
_OF_KERNELS = ("/dev", "/home/cell", "/proc", "/run/ipc", "/run/own", "/run/tmp", "/sys")

#: The first line of a script is read up to here, in bytes.
_FIRST_LINE = 512


class TooMuch(Exception):
    """A program stands where other things are too, or kernels have others.

    The text is a sentence without its beginning.
    """


def spec_directories(directory: str, program: str) -> list[str]:
    """The directories to show for a kernelspec and its program; raises `TooMuch`.

    That of the kernelspec, and those of the program, of what it links to, and of the interpreter
    of a script: the prefix where it stands in ``bin``, otherwise its own directory. The system's
    are left out. All are absolute paths.
    """
    found = {_shown(directory), *(_prefix(path) for path in _chain(program))} - {""}
    homes = _homes(found)
    for path in sorted(found):
        if _is_in(path, _OF_KERNELS):
            raise TooMuch(f"each kernel has another {path}; install the kernel elsewhere")
        if _is_shared(path, homes) or _is_shared(os.path.realpath(path), homes):
            raise TooMuch(
                f"kernels would have to read all of {path}; "
                "install the kernel into a directory of its own, such as a virtual environment"
            )
    return sorted(found)


def _chain(program: str) -> Iterator[str]:
    """The program, the file that it is a link to, and the same of its interpreter."""
    for path in filter(None, (program, _interpreter(program))):
        yield os.path.normpath(path)
        yield os.path.realpath(path)


def _interpreter(program: str) -> str:
    """The interpreter that the first line of a script names; empty if it is no script."""
    try:
        descriptor = os.open(program, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with open(descriptor, "rb") as file:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        line = file.readline(_FIRST_LINE) if is_file else b""
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words and words[0].startswith(b"/") else ""


def _prefix(program: str) -> str:
    """The directory to show for a program; empty for none."""
    directory = os.path.dirname(program)
    in_bin = os.path.basename(directory) == "bin" and not _is_in(directory, _SYSTEM)
    return _shown(os.path.dirname(directory) if in_bin else directory)


def _shown(directory: str) -> str:
    """A directory to show, empty for one of the system."""
    return "" if _is_in(directory, _SYSTEM) else directory


def _is_in(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _homes(directories: Iterable[str]) -> set[str]:
    """The home directories of all accounts that are known here, and of the owners of `directories`."""
    homes = {os.path.expanduser("~"), *(each.pw_dir for each in pwd.getpwall())}
    for path in directories:
        with suppress(OSError, KeyError):  # an account that is not told by name
            homes.add(pwd.getpwuid(os.stat(path).st_uid).pw_dir)
    homes = {home for home in homes if os.path.isabs(home)}
    return homes | {os.path.realpath(home) for home in homes}


def _is_shared(path: str, homes: set[str]) -> bool:
    """Whether personal or foreign files stand there, such as those of a home directory."""
    if os.path.basename(path) == ".local":
        path = os.path.dirname(path)
    path = f"/{path.strip('/')}"
    return os.path.dirname(path) in _OF_MANY or any(
        f"{home}/".startswith(f"{path}/") for home in homes
    )
