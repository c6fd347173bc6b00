"""Every setting and every default, as frozen values read from TOML."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import attrs
from attrs import field, frozen

from sagecell_tx import renamed
from sagecell_tx.limits import INTERVALS, SHORTEST_INTERVAL, Limits

# Larger than any file or lifetime, and exact as a float.
_LARGEST = 2**53


_PREFIX = re.compile(r"[\w.~-]+(/[\w.~-]+)*", re.ASCII)

#: The levels of confinement that a setting can require.
SANDBOXES = ("namespaces", "account", "none")


class ConfigError(Exception):
    """An invalid setting; the text tells the operator what is wrong with it."""


@frozen(kw_only=True)
class Config:
    """The server's settings."""

    listen: tuple[str, ...] = ("tcp:8888:interface=127.0.0.1",)
    state_dir: Path = Path("var")
    database: str = field(default="", repr=False)  # a URL; empty: SQLite in state_dir
    permalinks: str = ""  # the URL of a server that keeps them; empty: the database
    permalinks_only: bool = False  # serve permalinks and nothing else
    run_permalinks: bool = True  # store programs when they are run, if the client asks for it
    work_dir: str = ""  # kernels' directories; empty: state_dir/kernels
    kernel_python: str = ""  # the Python that kernels run in; empty: the server's own
    kernelspecs: tuple[str, ...] = ()  # installed ones, whose kernels clients may start
    preload: tuple[str, ...] = ("numpy", "matplotlib.pyplot", "pandas")
    picture_files: bool = False  # plots are files as well, as they always are with Sage
    spare: bool = True  # keep a second fork server loaded, if there is memory for it
    baseurl: str = ""  # the prefix of every path, such as "/cells"
    requires_tos: bool = False  # refuse kernels to visitors who have not accepted the terms
    tos: str = ""  # an HTML file with the terms of service
    proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")  # whose forwarding headers are trusted
    keys: dict[str, str] = field(factory=dict, repr=False)  # API keys by name
    sandbox: str = "auto"  # or one of SANDBOXES, which is then required
    accounts: tuple[int, ...] = (2_000_000_000, 10_000)  # user ids for kernels: first, and how many
    visible: tuple[str, ...] = ()  # directories that kernels may read besides the system's
    network: tuple[str, ...] = ()  # hosts that kernels may reach; empty: no network
    network_ports: tuple[int, ...] = (80, 443)  # of those hosts
    script_hosts: tuple[str, ...] = ()  # whose libraries scripts in output may load
    limits: Limits = field(factory=Limits)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.database or f"sqlite:///{self.state_dir.absolute() / 'sagecell.db'}"

    @property
    def prefix(self) -> str:
        """The prefix of every path: empty, or with a slash before each of its parts.

        Raises `ConfigError` for a `baseurl` that cannot be one.
        """
        prefix = self.baseurl.strip("/")
        if not prefix:
            return ""
        if not _PREFIX.fullmatch(prefix):
            raise ConfigError("baseurl: expected a path of letters, digits and ._~-")
        return f"/{prefix}"

    @property
    def kernels_dir(self) -> Path:
        """The directory that holds one directory for each kernel."""
        return Path(self.work_dir) if self.work_dir else self.state_dir.absolute() / "kernels"


def load(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file, as keyword arguments for `Config`.

    Raises `ConfigError` for an unreadable file, an unknown key or a wrong type.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        _refuse_former_names(document.get("limits"))
        return _table(Config, document, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _refuse_former_names(limits: object) -> None:
    """Raises `ConfigError` for a limit under its name from before there were tables."""
    for key, value in limits.items() if isinstance(limits, dict) else ():
        if renamed.is_former(key, value):
            raise ConfigError(
                f"'limits.{key}' is now '{renamed.present(key)}'; "
                "`sagecell-tx settings upgrade FILE` prints the file with the current names"
            )


def _table(cls: type[Any], table: dict[str, Any], section: str) -> dict[str, Any]:
    """The keyword arguments that `table` gives for the attrs class `cls`.

    `section` is the prefix of each key in error messages, such as `limits.files.`.
    """
    hints = get_type_hints(cls)
    known = {attribute.name: hints[attribute.name] for attribute in attrs.fields(cls)}
    values = {}
    for key, value in table.items():
        if key not in known:
            hint = _place_of(key) or _spelling_of(key, known, section)
            raise ConfigError(f"unknown key {section + key!r}{hint}")
        values[key] = _value(known[key], value, section + key)
    for attribute in attrs.fields(cls):
        if attribute.default is attrs.NOTHING and attribute.name not in values:
            raise ConfigError(f"{section + attribute.name}: missing")
    return values


def _place_of(key: str) -> str:
    """Where a key of this name belongs, for the operator; empty if there is none."""
    tables = get_type_hints(Limits).items()
    places = " or ".join(f"[limits.{name}]" for name, cls in tables if _has(cls, key))
    if places:
        return f"; {key!r} belongs below {places}"
    if _has(Config, key):
        return f"; {key!r} belongs at the top of the file, before the first table"
    return ""


def _has(cls: type[Any], key: str) -> bool:
    """Whether the attrs class `cls` has a field of this name."""
    return key in attrs.fields_dict(cls)


def _spelling_of(key: str, known: Collection[str], section: str) -> str:
    """The key that was probably meant, for the operator; empty if none is close."""
    close = _close_to(key, known)
    return f"; did you mean {section + close!r}?" if close else ""


def _close_to(key: str, known: Collection[str]) -> str:
    """The key that was probably meant: one that adds a unit, or a similar one; "" if none is."""
    longer = [each for each in known if each.startswith(f"{key}_")]
    return next(iter(longer or difflib.get_close_matches(key, known, 1)), "")


_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    Path: "a string",
}


def _value(kind: Any, value: Any, key: str) -> Any:
    """`value` as the type `kind`. Raises `ConfigError` with what was expected for `key`."""
    if attrs.has(kind):
        if not isinstance(value, dict):
            raise ConfigError(f"{key}: expected a table")
        return kind(**_table(kind, value, f"{key}."))
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{key}: expected a table")
        (_, inner) = get_args(kind)
        return {name: _value(inner, item, f"{key}.{name}") for name, item in value.items()}
    if get_origin(kind) is tuple:
        (inner, _) = get_args(kind)
        if not isinstance(value, list):
            raise ConfigError(f"{key}: expected a list")
        return tuple(_value(inner, item, key) for item in value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise ConfigError(f"{key}: expected {_EXPECTED[kind]}, not {value!r}")
    if kind in (int, float):
        # Also refuses nan and infinity, to which no timer can be set.
        if not 0 <= value <= _LARGEST:
            raise ConfigError(f"{key}: expected a number from 0 up, not {value!r}")
        if key.rpartition(".")[2] in INTERVALS and value < SHORTEST_INTERVAL:
            raise ConfigError(f"{key}: expected {SHORTEST_INTERVAL} or more, not {value!r}")
        return kind(value)
    return value
