"""Every setting and every default, as frozen values read from TOML."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import attrs
from attrs import field, frozen

KIB = 1024
MIB = 1024 * KIB

# Beyond any file or lifetime there is, and a float holds it exactly.
_LARGEST = 2**53


_PREFIX = re.compile(r"[\w.~-]+(/[\w.~-]+)*", re.ASCII)

#: The levels of confinement that can be demanded.
SANDBOXES = ("namespaces", "account", "none")


class ConfigError(Exception):
    """A setting that cannot be honoured; the text is a sentence for the operator."""


@frozen(kw_only=True)
class Rate:
    """How often: so many in one burst, and so many a minute in the long run. With 0, no limit."""

    burst: int
    per_minute: float


@frozen(kw_only=True)
class Limits:
    """What one visitor, one kernel and one request may take: seconds and bytes."""

    # How many kernels at a time. /service is counted apart, with the same numbers for each
    # visitor; 0 for an address, a network, a site, a cell session or a key: no limit.
    kernels: int = 64
    service_kernels: int = 16  # besides them
    kernels_per_address: int = 60
    kernels_per_network: int = 120  # a /24 of IPv4, a /64 of IPv6
    kernels_per_site: int = 0
    kernels_per_cell_session: int = 5
    kernels_per_key: int = 60
    ready_least: int = 1  # up before anybody asks for them
    ready_most: int = 8

    # How many may be asked for.
    starts: Rate = Rate(burst=1000, per_minute=3000)
    starts_per_address: Rate = Rate(burst=120, per_minute=300)
    starts_per_network: Rate = Rate(burst=240, per_minute=600)
    starts_per_site: Rate = Rate(burst=600, per_minute=1800)
    starts_per_cell_session: Rate = Rate(burst=60, per_minute=60)
    starts_per_key: Rate = Rate(burst=300, per_minute=1200)

    # When all kernels are in use.
    queue: int = 128  # who may wait; one address, site or key at most half of them
    queue_wait: float = 60.0

    # A kernel's life, in seconds.
    start: float = 15.0
    unclaimed: float = 60.0  # from hand-out to the first listener
    idle: float = 900.0  # the longest that a client may ask for
    detached: float = 10.0  # after the last listener left
    resumable: float = 120.0  # and then for a client with a cursor, also for its last words
    lifetime: float = 1800.0
    cpu: float = 600.0  # of all its processes
    warning: float = 60.0  # ahead of the idle and the lifetime deadline
    stop_grace: float = 1.0  # from shutdown_request to SIGKILL
    interrupt_grace: float = 2.0  # from interrupt_request to SIGINT, and as long again to SIGKILL
    heartbeat: float = 5.0  # between two beats
    heartbeats_missed: int = 6  # in a row, and the kernel is hung

    # What one kernel may take of the machine: bytes, and numbers of things.
    memory: int = 1024 * MIB
    processes: int = 100  # threads included
    open_files: int = 512
    directory: int = 512 * MIB  # of all that it writes

    # What crosses the server, in bytes.
    code: int = 65_000
    request_body: int = 4 * MIB
    client_message: int = 4 * MIB
    kernel_message: int = 96 * MIB
    outbox: int = 4 * MIB  # what may wait for a slow listener before its kernel waits
    output: int = 256 * MIB  # said by one execution
    ping: float = 25.0  # between two signs of life asked of a WebSocket
    listeners: int = 32  # of one kernel at a time; 0: no limit
    stalled: float = 60.0  # a listener that takes nothing for so long is let go
    poll: float = 30.0  # the longest wait of a long poll
    last_words: int = 500  # sessions that ended, whose clients may come for the rest
    last_words_size: int = 64 * MIB  # of them all

    # What a session may have of the network, where hosts are allowed: bytes, a number, seconds.
    network: int = 256 * MIB  # both ways
    network_connections: int = 10  # at a time
    network_connect: float = 10.0  # to find a host and connect to it
    network_idle: float = 60.0  # with nothing sent or received

    # Connections of one address at a time, whatever they are for; 0: no limit.
    connections_per_address: int = 500

    # SockJS: connections, seconds and bytes.
    sockjs: int = 1000  # connections at a time
    sockjs_per_address: int = 250  # 0: no limit
    sockjs_heartbeat: float = 25.0
    sockjs_disconnect: float = 5.0  # without anybody who takes what is said
    sockjs_idle: float = 3600.0  # without a word from either side
    sockjs_response: int = 128 * KIB  # from which on a streaming response ends
    completer: float = 120.0  # that the kernel which completes stays with nothing to do

    # `POST /service`.
    service: float = 30.0
    service_output: int = 4 * MIB

    # Files, in bytes, and how long they stay, in seconds.
    file: int = 64 * MIB
    files: int = 256 * MIB  # of one session
    files_count: int = 500  # of one session
    files_total: int = 4096 * MIB  # of all; the oldest make room. 0: no limit
    file_retention: float = 6 * 3600.0

    # Bytes of files that may be stored, and permalinks that may be made.
    stored_per_address: Rate = Rate(burst=1024 * MIB, per_minute=2 * MIB)
    stored_per_network: Rate = Rate(burst=2048 * MIB, per_minute=4 * MIB)
    stored_per_key: Rate = Rate(burst=2048 * MIB, per_minute=4 * MIB)
    permalinks_per_address: Rate = Rate(burst=60, per_minute=30)
    permalinks_per_network: Rate = Rate(burst=120, per_minute=60)
    permalinks_per_key: Rate = Rate(burst=300, per_minute=300)

    # Free bytes of the SQLite database's disk below which nothing more is stored.
    disk_reserve: int = 256 * MIB


@frozen(kw_only=True)
class Config:
    """The server's settings."""

    listen: tuple[str, ...] = ("tcp:8888:interface=127.0.0.1",)
    state_dir: Path = Path("var")
    database: str = ""  # an SQLAlchemy URL; empty: SQLite in state_dir
    permalinks: str = ""  # the address of a server that keeps them; empty: the database
    permalinks_only: bool = False  # serve permalinks and nothing else
    work_dir: str = ""  # kernels' directories; empty: state_dir/kernels
    preload: tuple[str, ...] = ("numpy", "matplotlib.pyplot", "pandas")
    spare: bool = True  # a second fork server, loaded and waiting
    baseurl: str = ""  # what every path begins with: "/cells", for example
    requires_tos: bool = False  # nobody gets a kernel without having accepted the terms
    tos: str = ""  # a file of HTML: the terms of service
    proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")  # whose word about clients is believed
    keys: dict[str, str] = field(factory=dict, repr=False)  # the texts of API keys by name
    sandbox: str = "auto"  # or one of SANDBOXES: then it must be had
    accounts: tuple[int, ...] = (2_000_000_000, 10_000)  # user ids for kernels: first, and how many
    visible: tuple[str, ...] = ()  # directories that kernels may read beside the system's
    network: tuple[str, ...] = ()  # hosts that kernels may reach; none: no network
    network_ports: tuple[int, ...] = (80, 443)  # of those hosts
    limits: Limits = field(factory=Limits)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.database or f"sqlite:///{self.state_dir.absolute() / 'sagecell.db'}"

    @property
    def prefix(self) -> str:
        """What every path begins with: empty, or parts that each have a slash before them.

        Raises `ConfigError` for anything else.
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
        return _table(Config, document, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _table(cls: type[Any], table: dict[str, Any], section: str) -> dict[str, Any]:
    """The keyword arguments that `table` gives for the attrs class `cls`.

    `section` comes before each key in what is said to the operator, as in `limits.idle`.
    """
    hints = get_type_hints(cls)
    known = {attribute.name: hints[attribute.name] for attribute in attrs.fields(cls)}
    values = {}
    for key, value in table.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {section + close[0]!r}?" if close else ""
            raise ConfigError(f"unknown key {section + key!r}{hint}")
        values[key] = _value(known[key], value, section + key)
    for attribute in attrs.fields(cls):
        if attribute.default is attrs.NOTHING and attribute.name not in values:
            raise ConfigError(f"{section + attribute.name}: missing")
    return values


_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    Path: "a string",
}


def _value(kind: Any, value: Any, key: str) -> Any:
    """`value` as the type `kind`, or a `ConfigError` that says what was expected of `key`."""
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
        # Also refuses nan, and infinity: no timer can be set to it.
        if not 0 <= value <= _LARGEST:
            raise ConfigError(f"{key}: expected a number from 0 up, not {value!r}")
        return kind(value)
    return value
