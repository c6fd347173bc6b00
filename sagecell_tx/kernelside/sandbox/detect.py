"""Finds the level of confinement: the requested one, or the highest that works here.

    python -P -m sagecell_tx.kernelside.sandbox.detect --sandbox auto ...

prints ``{"sandbox": name, "features": [...]}``, or ``{"unavailable": sentence}``. A level is tried
by a process that enters it and writes a file.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

from sagecell_tx.kernelside.bootstrap import KernelBootstrap
from sagecell_tx.kernelside.sandbox import arguments
from sagecell_tx.kernelside.sandbox.account import Account
from sagecell_tx.kernelside.sandbox.levels import Level, Setting, Unavailable
from sagecell_tx.kernelside.sandbox.namespaces.level import Namespaces
from sagecell_tx.kernelside.sandbox.none import NoConfinement
from sagecell_tx.kernelside.startcommand import TRIAL, StartCommand
from sagecell_tx.kernelside.system import processes

#: From the highest to the lowest.
LEVELS = ("namespaces", "account", "none")


def make(name: str, setting: Setting, further: Sequence[str] = ()) -> Level:
    """The level of that name; raises KeyError."""
    levels: dict[str, Callable[[], Level]] = {
        "namespaces": lambda: Namespaces(setting, further),
        "account": lambda: Account(setting, further),
        "none": NoConfinement,
    }
    return levels[name]()


def attempt(name: str, setting: Setting, further: Sequence[str] = ()) -> Sequence[str]:
    """Try a level with a process that enters it; returns its features. Raises `Unavailable`.

    Call it in a process of its own, whose root it may change.
    """
    level = make(name, setting, further)
    level.prepare()
    with tempfile.TemporaryDirectory(prefix="try-", dir=setting.kernels) as directory:
        for inner in ("work", "ipc"):
            os.mkdir(f"{directory}/{inner}")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            ours.send(json.dumps({"dir": directory, "key": "k"}).encode("ascii"))
            complaint = _enter(level, TRIAL, KernelBootstrap(theirs), directory)
    if complaint.endswith("."):  # a sentence of the level's own
        raise Unavailable(complaint)
    if complaint:
        raise Unavailable(f"A trial kernel could not enter the level: {complaint}.")
    return level.features


def _enter(level: Level, start: StartCommand, bootstrap: KernelBootstrap, directory: str) -> str:
    """Fork a process that enters the level; returns what went wrong, or ""."""
    read_end, write_end = os.pipe()

    def run() -> None:
        try:
            place = level.enter(start, bootstrap.receive())
            with open(f"{place.work}/file", "w", encoding="ascii") as file:
                file.write("x")
            os.write(write_end, b"entered")
        except Unavailable as error:
            os.write(write_end, str(error).encode("utf-8", "replace"))
        except BaseException as error:
            traceback.print_exc()
            os.write(write_end, str(error).encode("utf-8", "replace"))

    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        pid = level.fork(start, descriptor, run)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        os.close(descriptor)
        os.close(write_end)
    answer = os.read(read_end, 4096).decode("utf-8", "replace")
    os.waitpid(pid, 0)
    return "" if answer == "entered" else answer or "the process ended without an answer"


def in_child(name: str, setting: Setting, further: Sequence[str]) -> Sequence[str]:
    """As `attempt`, in a process of its own."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            processes.adopt_orphans()
            result: object = list(attempt(name, setting, further))
        except Unavailable as error:
            result = str(error)
        except BaseException as error:
            traceback.print_exc()
            result = f"The trial failed: {error}."
        with os.fdopen(write_end, "w") as file:
            json.dump(result, file)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        result = json.loads(file.read() or '"The trial ended without an answer."')
    os.waitpid(pid, 0)
    if isinstance(result, str):
        raise Unavailable(result)
    return [str(feature) for feature in result] if isinstance(result, list) else []


def main(argv: Sequence[str] | None = None) -> int:
    """Print the level that works; returns the exit status, 1 if none does."""
    options = arguments.parse(argv)
    names = LEVELS if options.sandbox == "auto" else (options.sandbox,)
    why = ""
    for name in names:
        try:
            features = in_child(name, options.setting, options.visible)
        except Unavailable as error:
            why = str(error)
            print(f"{name}: {why}", file=sys.stderr)
        else:
            print(json.dumps({"sandbox": name, "features": list(features)}))
            return 0
    print(json.dumps({"unavailable": why}))
    return 1


if __name__ == "__main__":
    sys.exit(main())
