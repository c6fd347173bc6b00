"""What visitors read when their program asks for a network, or a host, that it cannot reach."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

from sagecell_tx.kernelside.startcommand import MOST_HOSTS

_NO_ROUTE = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH})

#: Words of the proxy's refusals: as http.client repeats those of a tunnel, and as in the status
#: line and the text of any for a host or a port that is not allowed.
_REFUSED = ("Tunnel connection failed: 403", "rograms here may reach")

#: The host that pip installs from.
_PACKAGES = "pypi.org"

#: The most errors of a chain of causes that are looked at.
_CHAIN = 100

#: Commands that only a network lets succeed, mostly.
_COMMANDS = re.compile(
    r"\b(?:(?:pip3?|conda|mamba|uv|npm|apt|apt-get)\b.*\b(?:install|download|update)"
    r"|git\s+(?:clone|fetch|pull)|curl|wget)\b"
)


def sentence(network: str, hosts: Sequence[str]) -> str:
    """The sentence for `KernelEnvironment.network`; empty where errors are the network's own."""
    match network:
        case "none":
            return "Programs on this server have no network."
        case "proxy":
            # The command has no room for more.
            more = ", and others" if len(hosts) >= MOST_HOSTS else ""
            return f"Programs on this server reach only these hosts: {', '.join(hosts)}{more}."
        case _:
            return ""


def may_install(network: str, hosts: Sequence[str]) -> bool:
    """Whether pip may reach the host that it installs from; the arguments are those of `sentence`."""
    named = len(hosts) >= MOST_HOSTS or any(fnmatchcase(_PACKAGES, host) for host in hosts)
    return network == "open" or (network == "proxy" and named)


def is_unreachable(error: BaseException) -> bool:
    """Whether a host could not be reached, in an error or one of its causes."""
    try:
        return any(
            isinstance(each, socket.gaierror)
            or (isinstance(each, OSError) and each.errno in _NO_ROUTE)
            or _has_refusal(str(each))
            # A refusal that a program has taken for JSON.
            or _has_refusal(str(getattr(each, "doc", "")))
            or _is_script(each)
            for each in _causes(error)
        )
    except Exception:  # of the program's own classes
        return False


def _is_script(error: BaseException) -> bool:
    """Whether a script that needs a network failed, in a cell such as ``%%bash``.

    Its text is in bytes. The commands of `subprocess` are those of `explain_commands`.
    """
    return (
        isinstance(error, subprocess.CalledProcessError)
        and isinstance(error.cmd, bytes)
        and needs_network(error.cmd)
    )


def _has_refusal(text: str) -> bool:
    return any(words in text for words in _REFUSED)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it, the ones that libraries wrap included."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending and len(seen) < _CHAIN:
        each = pending.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # urllib and urllib3 have the error in `reason`, requests among the arguments.
        wrapped = each.args if isinstance(each.args, tuple) else ()
        pending += [each.__cause__, each.__context__, getattr(each, "reason", None), *wrapped]


# --- commands

#: A command as `subprocess` and `os.system` take it.
_Command = str | bytes | os.PathLike[Any] | Iterable[Any]


def needs_network(command: _Command) -> bool:
    """Whether a command installs or downloads something."""
    words = [command] if isinstance(command, str | bytes | os.PathLike) else command
    return _COMMANDS.search(" ".join(map(os.fsdecode, words))) is not None


def explain_commands(note: str) -> None:
    """From now on, `note` follows the output of commands that need a network and fail.

    Replaces `os.system` and two methods of `subprocess.Popen`: `wait`, which `subprocess.run` and
    its like use, and `poll`.
    """
    # As Any: mypy forbids the assignments below.
    popen: Any = subprocess.Popen
    module: Any = os
    in_shell = os.system

    def explain(status: int | None, command: _Command) -> None:
        if status and needs_network(command):
            with suppress(OSError):  # the program may have closed it
                # Not `sys.stderr`: what the command has written comes through the descriptor.
                os.write(2, f"{note}\n".encode())

    def ending(method: Callable[..., int | None]) -> Callable[..., int | None]:
        def call(process: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> int | None:
            known = process.returncode
            status = method(process, *args, **kwargs)
            if known is None:
                explain(status, process.args)
            return status

        return call

    def system(command: str | bytes | os.PathLike[Any]) -> int:
        status = in_shell(command)
        explain(status, command)
        return status

    popen.wait, popen.poll = ending(popen.wait), ending(popen.poll)
    module.system = system
