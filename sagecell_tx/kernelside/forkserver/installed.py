"""Turns a forked process into the program of an installed kernelspec.

The process confines itself as every kernel does. Then it writes a connection file and becomes the
program, which binds the sockets that the file names.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from typing import NoReturn

from sagecell_tx.kernelside.bootstrap import KernelProgram, Secrets
from sagecell_tx.kernelside.forkserver.forking import ForkedProcess
from sagecell_tx.kernelside.listeningsockets import PORTS
from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment
from sagecell_tx.kernelside.system import autogroups

#: The names in the directory of the sockets: what the program reads, and what it prints.
CONNECTION_FILE = "connection.json"
LOG = "log"

#: The variables that a program gets of those that the fork server has, besides LC_*. The others
#: are about the Python of the forked kernels.
_INHERITED = frozenset({"LANG", "PATH", "TZ"})

#: Signals that Python ignores, and with it all programs that it starts.
_IGNORED = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)


def become_program(
    forked: ForkedProcess, secrets: Secrets, program: KernelProgram, place: KernelEnvironment
) -> NoReturn:
    """Become `program` in the confined process; raises OSError, also if it cannot be started."""
    os.chdir(place.work)
    _write_connection_file(place.sockets, secrets.key)
    _print_to(f"{place.sockets}/{LOG}")
    # It may have ended before this process was tied to it.
    if forked.lifeline.is_cut():
        raise ChildProcessError("The fork server has ended.")
    forked.lifeline.drop()
    os.nice(autogroups.NICE)  # has an effect only where Linux has no autogroups
    for number in _IGNORED:
        signal.signal(number, signal.SIG_DFL)
    argv = arguments(program.argv, f"{place.sockets}/{CONNECTION_FILE}")
    environment = variables(program, place)
    os.set_inheritable(forked.bootstrap.fileno(), False)
    forked.bootstrap.send_place(place.shared)
    if place.shared is not None:
        os.close(place.shared)
    os.execve(argv[0], argv, environment)


def arguments(argv: Sequence[str], connection_file: str) -> list[str]:
    """The program's arguments, with the path of the connection file."""
    return [each.replace("{connection_file}", connection_file) for each in argv]


def variables(program: KernelProgram, place: KernelEnvironment) -> dict[str, str]:
    """The program's environment variables: those of the kernelspec come last."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith("LC_")
    }
    own = {"HOME": place.work, "PWD": place.work, "TMPDIR": place.temporary}
    return {**inherited, **place.variables, **own, **program.env}


def connection(sockets: str, key: bytes) -> dict[str, object]:
    """The content of a connection file, as jupyter_client writes it for the transport ipc."""
    return {
        "transport": "ipc",
        "ip": f"{sockets}/k",
        **{f"{name}_port": port for name, port in PORTS.items()},
        "key": key.decode("ascii"),
        "signature_scheme": "hmac-sha256",
    }


def _write_connection_file(sockets: str, key: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(f"{sockets}/{CONNECTION_FILE}", flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(connection(sockets, key), file)


def _print_to(path: str) -> None:
    """Let stdout and stderr be a file, which the server reads if the start fails."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
