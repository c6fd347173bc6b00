"""Finds the installed kernelspecs that the settings name, and checks them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.hosts.kernelspecs.resources import read_resources
from sagecell_tx.hosts.kernelspecs.visible import TooMuch, spec_directories
from sagecell_tx.sessions.spec import KernelSpec

#: The names that are taken by the kernels that are forked; clients say "python" for "python3".
OWN = ("python", "python3", "sagemath")

#: The largest file of a kernelspec, and what of it may go to each kernel, in bytes.
LARGEST = 256 * 1024
LARGEST_PROGRAM = 8 * 1024

#: Links to help that are told, at most.
_LINKS = 20

#: The longest text for people and the longest URL, in characters.
_TEXT = 200
_URL = 2000

_NAME = re.compile(r"[a-z0-9._-]{1,100}", re.ASCII | re.IGNORECASE)
_PLACE = re.compile(r"\{([A-Za-z0-9_]+)\}")

#: Finds the directories of all installed kernelspecs, by name.
Find = Callable[[], Mapping[str, str]]


def installed_directories() -> Mapping[str, str]:
    """Where jupyter_client finds kernelspecs: see "Kernel specs" in its documentation."""
    # Only here: a server without installed kernelspecs does not need it.
    from jupyter_client.kernelspec import KernelSpecManager

    manager = KernelSpecManager(ensure_native_kernel=False)
    found: dict[str, str] = manager.find_kernel_specs()
    return found


def find_specs(
    names: Sequence[str], find: Find = installed_directories
) -> tuple[InstalledSpec, ...]:
    """The kernelspecs of these names, in this order. Raises `ConfigError`. Blocks."""
    if not names:
        return ()
    directories = find()
    return tuple(_find(name, directories) for name in dict.fromkeys(names))


def _find(name: str, directories: Mapping[str, str]) -> InstalledSpec:
    if not _NAME.fullmatch(name):
        raise _error(name, "expected a name of letters, digits and ._-")
    if name.lower() in OWN:
        raise _error(name, "kernels of this name are the server's own; remove it from the setting")
    directory = directories.get(name.lower(), directories.get(name))
    if directory is None:
        others = ", ".join(sorted(set(directories) - set(OWN))) or "none"
        raise _error(name, f"no such kernelspec is installed; there are: {others}")
    directory = os.path.realpath(directory)
    return _checked(name, directory, _read(name, directory))


def _read(name: str, directory: str) -> dict[str, Any]:
    path = os.path.join(directory, "kernel.json")
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise _error(name, f"{path}: {error.strerror}") from error
    try:
        content = json.loads(text) if text and len(text) <= LARGEST else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _error(name, f"{path}: expected a JSON object of at most {LARGEST >> 10} KiB")
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Open what may be a FIFO, without waiting for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _checked(name: str, directory: str, content: Mapping[str, Any]) -> InstalledSpec:
    metadata = content.get("metadata", {})
    if isinstance(metadata, dict) and metadata.get("kernel_provisioner"):
        raise _error(
            name,
            "its kernels are started by a provisioner of its own (kernel_provisioner in its "
            "metadata), which this server cannot confine; remove it from the setting",
        )
    mode = content.get("interrupt_mode", "signal")
    if mode not in ("signal", "message"):
        raise _error(name, "its interrupt_mode is neither 'signal' nor 'message'")
    env = content.get("env", {})
    if (
        not isinstance(env, dict)
        or not all(map(_is_text, env.values()))
        or not all(name and _is_text(name) and "=" not in name for name in env)
    ):
        raise _error(name, "its env must be an object of strings")
    argv = _argv(name, directory, content.get("argv"))
    if len(json.dumps([argv, env])) > LARGEST_PROGRAM:
        raise _error(name, f"its argv and env have more than {LARGEST_PROGRAM >> 10} KiB")
    try:
        directories = spec_directories(directory, argv[0])
        resources = read_resources(directory)
    except TooMuch as error:
        raise _error(name, str(error)) from error
    except OSError as error:
        raise _error(name, f"{directory}: {error.strerror}") from error
    return InstalledSpec(
        kind=KernelSpec(
            name=name,
            display_name=_text(content, "display_name") or name,
            language=_text(content, "language"),
        ),
        argv=argv,
        env=env,
        interrupt_mode=mode,
        help_links=_help_links(content.get("help_links")),
        resources=resources,
        directories=directories,
    )


def _argv(name: str, directory: str, argv: object) -> list[str]:
    """The arguments, with all filled in but the connection file. Raises `ConfigError`."""
    if not isinstance(argv, list) or not argv or not all(map(_is_text, argv)):
        raise _error(name, "its argv must be a list of strings")
    prefix = _prefix(directory)
    filled = {"resource_dir": directory, **({"prefix": prefix} if prefix else {})}
    known = [_PLACE.sub(lambda found: filled.get(found[1], found[0]), each) for each in argv]
    if not any("{connection_file}" in each for each in known):
        raise _error(name, "its argv has no {connection_file}, by which its kernels are reached")
    program = known[0]
    if os.path.isabs(program):
        path: str | None = program if os.access(program, os.X_OK) else None
    elif "/" in program:
        raise _error(name, f"its program {program} must be an absolute path, or a name")
    else:
        # In the environment where the kernelspec is installed, if there.
        own = os.path.join(prefix, "bin", program) if prefix else ""
        path = own if own and os.access(own, os.X_OK) else shutil.which(program)
    if path is None or os.path.isdir(path):
        raise _error(name, f"its program {program} cannot be found, or cannot be executed")
    return [os.path.abspath(path), *known[1:]]


def _prefix(directory: str) -> str:
    """The environment in which a kernelspec is installed; empty for another place."""
    parts = directory.split("/")
    return "/".join(parts[:-4]) if parts[-4:-1] == ["share", "jupyter", "kernels"] else ""


def _is_text(value: object) -> bool:
    """Whether a program can be told it; JSON may escape half a character."""
    return isinstance(value, str) and "\0" not in value and _whole(value) == value


def _text(content: Mapping[str, Any], key: str, most: int = _TEXT) -> str:
    value = content.get(key)
    return _whole(value[:most]) if isinstance(value, str) else ""


def _whole(text: str) -> str:
    """`text` with question marks for halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _help_links(links: object) -> list[tuple[str, str]]:
    """Titles and URLs of web pages; anything else is left out."""
    found = []
    for link in links[:_LINKS] if isinstance(links, list) else ():
        if isinstance(link, dict):
            title, url = _text(link, "text"), _text(link, "url", _URL)
            if title and url.startswith(("https://", "http://")):
                found.append((title, url))
    return found


def _error(name: str, why: str) -> ConfigError:
    return ConfigError(f"kernelspecs: {name[:100]}: {why}")
