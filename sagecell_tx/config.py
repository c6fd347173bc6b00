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
from sagecell_tx.process.nodes import WORKERS, Nodes, keeper_of

# Larger than any file or lifetime, and exact as a float.
_LARGEST = 2**53


_ADDRESS = re.compile(
    r"(?:\[(?P<host6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>[0-9]{1,5})", re.ASCII
)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)

_PREFIX = re.compile(r"[\w.~-]+(/[\w.~-]+)*", re.ASCII)

#: The levels of confinement that a setting can require.
SANDBOXES = ("namespaces", "account", "none")


class ConfigError(Exception):
    """An invalid setting; the text tells the operator what is wrong with it."""


@frozen(kw_only=True)
class MetricsSettings:
    """Where Prometheus may ask for the server's metrics; nowhere by default."""

    listen: tuple[str, ...] = ()  # endpoints of their own
    public: bool = False  # also at the addresses that visitors use
    hosts: tuple[
        str, ...
    ] = ()  # names by which Prometheus reaches them, besides localhost and addresses


@frozen(kw_only=True)
class LogSettings:
    """What is logged, and how."""

    format: str = "text"  # or "json"
    addresses: str = "truncated"  # or "whole"
    sample: float = 0.0  # of all programs, the fraction that is logged


@frozen(kw_only=True)
class AdminSettings:
    """The admin page, which is on a listener of its own."""

    listen: tuple[str, ...] = ()  # endpoints, on loopback unless they name another interface
    token_file: str = ""  # a file with the token, which only the server's account may read
    hosts: tuple[str, ...] = ()  # names by which browsers reach it, besides localhost and addresses


@frozen(kw_only=True)
class KnownMachine:
    """A machine of the cluster: its agent's address, and the fingerprint of its certificate."""

    address: str  # host:port; [host]:port for IPv6
    fingerprint: str  # SHA-256, in hexadecimal digits; colons may stand between
    name: str = ""  # for people; empty: the address
    max_kernels: int = 0  # at a time, whatever its agent says; 0: as of any other machine

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The two parts of the address; raises `ConfigError`."""
        return parse_address("cluster.machines: address", self.address)


@frozen(kw_only=True)
class Cluster:
    """Machines that run kernels for this server, which then runs none itself."""

    keys: str = ""  # the directory of this server's key; empty: kernels run on this machine
    machines: tuple[KnownMachine, ...] = ()
    hub: str = ""  # ipcontroller-client.json of a controller whose engines tell of more machines
    max_kernels: int = 64  # of each machine at a time, whatever its agent says


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
    node: int = 0  # this server's number, if there are several; it is in the ids of its kernels
    take_over: bool = False  # drain the others of the same work_dir when this one is up
    web_processes: int = (
        1  # that share the work; with more than 1, this one only keeps what they share
    )
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
    metrics: MetricsSettings = field(factory=MetricsSettings)
    logs: LogSettings = field(factory=LogSettings)
    admin: AdminSettings = field(factory=AdminSettings)
    cluster: Cluster = field(factory=Cluster)
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
    def nodes(self) -> Nodes:
        """The servers that share `work_dir`, of which this is one."""
        root = Path(self.work_dir) if self.work_dir else self.state_dir.absolute() / "kernels"
        return Nodes(root, self.node, self.web_processes if self.web_processes > 1 else 0)

    @property
    def keeper(self) -> int:
        """The number of the server that this one is a worker of, or its own; 0 for none."""
        return keeper_of(self.node) if self.web_processes > 1 else self.node

    @property
    def own_accounts(self) -> tuple[int, ...]:
        """The user ids for kernels of this server: each of four that follow one another has a quarter.

        Of these, each of its workers has an equal part.
        """
        if len(self.accounts) != 2:
            return self.accounts
        first, count = self.accounts
        if self.keeper:
            count //= 4
            first += (self.keeper - 1) % 4 * count
        if self.web_processes > 1:
            count //= self.web_processes
            first += (self.node % WORKERS - 1) * count
        return first, count

    @property
    def accounts_lock(self) -> Path | None:
        """The file that a server locks for its share of the user ids; None if there are no shares.

        A worker's has been locked by its keeper.
        """
        if not self.node or self.web_processes > 1:
            return None
        return self.nodes.root / f"accounts-{(self.node - 1) % 4}"

    @property
    def kernels_dir(self) -> Path:
        """The directory that holds one directory for each kernel of this server."""
        return self.nodes.directory(self.node)


@frozen(kw_only=True)
class EngineSettings:
    """The engine of ipyparallel that tells a controller where a machine's agent is."""

    connection_file: str = ""  # ipcontroller-engine.json; empty: that of the launcher, or no engine
    account: str = "nobody"  # that it runs under, if the agent runs as root


@frozen(kw_only=True)
class ComputeConfig:
    """The settings of an agent. Those that `Config` has too mean the same."""

    listen: str = "127.0.0.1:9475"  # host:port; port 0: any that is free
    address: str = ""  # the host by which web processes reach it; empty: that of `listen`
    name: str = ""  # of this machine, for people; empty: its host name
    webs: tuple[str, ...] = ()  # fingerprints of the web processes' certificates
    keys: str = ""  # the directory of its own key; empty: a new one at each start
    facts_dir: str = ""  # where its address and fingerprint are written; empty: state_dir
    kernels: int = 64  # at a time, of all web processes
    state_dir: Path = Path("var")
    work_dir: str = ""
    kernel_python: str = ""
    kernelspecs: tuple[str, ...] = ()
    preload: tuple[str, ...] = ("numpy", "matplotlib.pyplot", "pandas")
    picture_files: bool = False
    spare: bool = True
    sandbox: str = "auto"
    accounts: tuple[int, ...] = (2_000_000_000, 10_000)
    visible: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    network_ports: tuple[int, ...] = (80, 443)
    engine: EngineSettings = field(factory=EngineSettings)
    limits: Limits = field(factory=Limits)  # of these, `network` and `lifetime.start_seconds` count

    @property
    def own_accounts(self) -> tuple[int, ...]:
        """The user ids for kernels of this agent: all."""
        return self.accounts

    @property
    def accounts_lock(self) -> None:
        """See `Config.accounts_lock`: there are no shares."""
        return

    @property
    def kernels_dir(self) -> Path:
        """The directory that holds one directory for each kernel."""
        return Path(self.work_dir) if self.work_dir else self.state_dir.absolute() / "kernels"


def parse_address(key: str, address: str) -> tuple[str, int]:
    """The host and the port in ``host:port`` or ``[host]:port``; raises `ConfigError` about `key`."""
    found = _ADDRESS.fullmatch(address)
    port = int(found["port"]) if found else 0
    if found is None or port > 65535:
        raise ConfigError(f"{key}: expected host:port, not {address!r}")
    return found["host6"] or found["host"], port


def parse_fingerprint(key: str, fingerprint: str) -> str:
    """64 lower-case hexadecimal digits; raises `ConfigError` about `key`."""
    digits = fingerprint.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(digits):
        raise ConfigError(
            f"{key}: expected the SHA-256 of a certificate, 64 hexadecimal digits, not {fingerprint!r}"
        )
    return digits


def load(path: Path, kind: type[Any] = Config) -> dict[str, Any]:
    """Read settings from a TOML file, as keyword arguments for `kind`.

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
        return _table(kind, document, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def document_of(settings: Config) -> dict[str, Any]:
    """All settings, as JSON can have them: what `settings_in` reads."""

    def plain(_: object, __: object, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    return attrs.asdict(settings, value_serializer=plain)


def settings_in(document: dict[str, Any]) -> Config:
    """The settings in a document. Raises `ConfigError` for an unknown key or a wrong type."""
    return Config(**_table(Config, document, ""))


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
