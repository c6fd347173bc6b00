"""`twistd sagecell-tx` as an operator starts it, on a free port, with a new state directory."""

from __future__ import annotations

import itertools
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import psutil
import requests

from sagecell_tx.process.redaction import redacted
from tests.accounts import accounts
from tests.integration.daemons import Daemon
from tests.integration.waiting import until
from tests.processtree import command_of, ended

TWISTD = str(Path(sys.executable).with_name("twistd"))


def _ports() -> Iterator[int]:
    """Ports for servers, again and again; those of test processes that run at the same time differ.

    They are below those of which the system gives one to each connection, if it leaves enough: of
    them, one that is free now may be another program's when a server starts to listen.
    """
    first, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    end = int(first) if int(first) > 20_000 else 32_768
    own = range(12_000 + worker % 8, end, 8)
    start = Random().randrange(len(own))  # test runs of several directories differ
    return itertools.cycle([*own[start:], *own[:start]])


_PORTS = _ports()


def free_port() -> int:
    """A TCP port that is not in use now, and will be nobody else's until it is used."""
    for port in _PORTS:
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("", port))
            return port
    raise AssertionError("there are no ports for servers")


#: Becomes the server, with the listening socket and the variables that sd_listen_fds(3) names.
_ACTIVATE = """
import os, sys
listening = int(sys.argv[1])
os.dup2(listening, 3)
if listening != 3:
    os.close(listening)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="sagecell-tx.socket")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Server(Daemon):
    """A server that can be started several times, on one state directory.

    Exactly `ready` kernels are kept ready, so that kernels can be counted. If there are `terms`, as
    HTML, visitors have to accept them. The modules in `preload` are loaded before the first fork,
    which takes seconds; None means the default. `limits` are by their names below ``[limits]``,
    such as ``files.total_bytes``. `database` is a URL. There may be several `web_processes`. `kernelspecs` are looked for in `jupyter_path` as well. `cluster`
    has the lines below ``[cluster]``, and `tables` further settings, as TOML. With an `admin_token`,
    there is an admin page at `admin_url`.

    A server with a number, `node`, may be started `beside` another one, whose state directory it shares and from which it
    takes over. Both then have the same listening socket, `listener`, as if from systemd.
    """

    def __init__(
        self,
        *,
        twistd: str = TWISTD,
        cwd: str = "/",
        spare: bool = False,
        descriptors: int | None = None,
        ready: int = 0,
        preload: tuple[str, ...] | None = (),
        network: tuple[str, ...] = (),
        permalinks: str = "",
        permalinks_only: bool = False,
        database: str = "",
        terms: str = "",
        proxies: tuple[str, ...] | None = None,
        sandbox: str = "",
        kernel_python: Path | None = None,
        kernelspecs: tuple[str, ...] = (),
        jupyter_path: Path | None = None,
        keys: Mapping[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
        admin_token: str = "",
        node: int = 0,
        beside: Server | None = None,
        listener: socket.socket | None = None,
        tables: str = "",
        cluster: str = "",
        web_processes: int = 1,
    ) -> None:
        super().__init__("cell")
        self.state: Path = self.directory / "var" if beside is None else beside.state
        self.twistd = twistd
        self.cwd = cwd
        self.spare = spare
        self.descriptors = descriptors
        self.preload = preload
        self.network = list(network)
        self.permalinks = permalinks
        self.permalinks_only = permalinks_only
        self.database = database
        self.terms = terms
        self.proxies = proxies
        self.sandbox = sandbox
        self.kernel_python = kernel_python
        self.jupyter_path = jupyter_path
        self.kernelspecs = list(kernelspecs)
        self.keys = dict(keys or {})
        self.admin_token = admin_token
        self.admin_url = f"http://127.0.0.1:{free_port()}" if admin_token else ""
        self.node = node
        self.takes_over = beside is not None
        self.listener = listener
        self.cluster = cluster
        self.web_processes = web_processes
        self.tables = tables
        self.port = free_port() if listener is None else int(listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready = ready
        self.limits = {
            "admission.kernels": 80,
            "admission.kernels_per_cell_session": 80,
            "admission.min_ready_kernels": ready,
            "admission.max_ready_kernels": ready,
            "lifetime.detached_seconds": 1.0,
            **(limits or {}),
        }

    def start(self) -> None:
        """Start, and wait until the server reports READY."""
        self.launch()
        assert self.notice() == b"READY=1", self.log()

    def listens(self) -> bool:
        """Whether the port is open."""
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def launch(self) -> None:
        """Start the process, and wait for nothing."""
        config = self.directory / "sagecell.toml"
        lines = [f"{name} = {value}" for name, value in self.limits.items()]
        own = [f"spare = {str(self.spare).lower()}", f"network = {self.network}"]
        own += [f'permalinks = "{self.permalinks}"', f"accounts = {list(accounts())}"]
        if self.sandbox:
            own += [f'sandbox = "{self.sandbox}"']
        if self.kernel_python is not None:
            own += [f'kernel_python = "{self.kernel_python}"']
        if self.preload is not None:
            own += [f"preload = {list(self.preload)}"]
        own += [f"kernelspecs = {json.dumps(self.kernelspecs)}"]
        own += [f"database = {json.dumps(self.database)}"]
        own += [f"permalinks_only = {str(self.permalinks_only).lower()}"]
        own += [f"node = {self.node}", f"take_over = {str(self.takes_over).lower()}"]
        if self.proxies is not None:
            own += [f"proxies = {list(self.proxies)}"]
        if self.terms:
            terms = self.directory / "terms.html"
            terms.write_text(self.terms)
            own += [f'tos = "{terms}"', "requires_tos = true"]
        keys = [f'{name} = "{key}"' for name, key in self.keys.items()]
        tables = ["[keys]", *keys, "[cluster]", self.cluster, *self._admin()]
        tables += ["[limits]", *lines, self.tables]
        config.write_text("\n".join([*own, *tables]))
        environment = {}
        if self.jupyter_path is not None:
            environment["JUPYTER_PATH"] = str(self.jupyter_path)
        command = [self.twistd, "--nodaemon", "--pidfile=", "sagecell-tx"]
        command += [f"--state-dir={self.state}", f"--config={config}"]
        if self.web_processes > 1:
            command += [f"--web-processes={self.web_processes}"]
        inherited: tuple[int, ...] = ()
        if self.listener is None:
            command += [f"--listen=tcp:{self.port}:interface=127.0.0.1"]
        else:
            inherited = (self.listener.fileno(),)
            command += ["--listen=systemd:domain=INET:index=0"]
            command = [sys.executable, "-c", _ACTIVATE, str(self.listener.fileno()), *command]
        self.run(
            command,
            environment,
            pass_fds=inherited,
            cwd=self.cwd,
            preexec_fn=self._limit_descriptors if self.descriptors else None,
        )

    def run_another(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a second server on the same state, and wait for its end."""
        config = self.directory / "sagecell.toml"
        shared = [f"--state-dir={self.state}", f"--config={config}"]
        return subprocess.run(
            [self.twistd, "--nodaemon", "--pidfile=", "sagecell-tx", *shared, *options],
            cwd=self.cwd,
            text=True,
            capture_output=True,
            timeout=60,
        )

    def _admin(self) -> list[str]:
        """The settings of the admin page, whose token is written into a file."""
        if not self.admin_token:
            return []
        file = self.directory / "admin-token"
        file.touch(mode=0o600)
        file.write_text(self.admin_token)
        port = self.admin_url.rpartition(":")[2]
        return ["[admin]", f'listen = ["tcp:{port}"]', f'token_file = "{file}"']

    def _limit_descriptors(self) -> None:
        """Limit the descriptors; runs in the server's process."""
        assert self.descriptors is not None
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    # --- its processes and state

    @property
    def web(self) -> psutil.Process:
        """The web process."""
        assert self.process is not None
        return psutil.Process(self.process.pid)

    @property
    def workers(self) -> list[psutil.Process]:
        """The web processes of a server with several, in the order of their numbers, unless one was replaced."""
        return sorted(self.web.children(), key=lambda process: (process.create_time(), process.pid))

    @property
    def fork_server(self) -> psutil.Process:
        """The active fork server, which is older than the spare."""
        return min(self.web.children(), key=lambda process: process.create_time())

    def kernels(self) -> list[psutil.Process]:
        """The kernels' processes; none while there is no fork server."""
        children = self.web.children()
        return kernels_of(min(children, key=psutil.Process.create_time)) if children else []

    def directories(self) -> list[Path]:
        """The kernels' directories."""
        kernels = self.state / "kernels"
        return sorted((kernels / f"{self.node:04d}" if self.node else kernels).glob("k-*"))

    def status(self) -> Any:
        """The answer of ``/status.json``."""
        return requests.get(f"{self.url}/status.json", timeout=60).json()

    def until_quiet(self) -> None:
        """Wait until no kernel, process or directory is left except those of ready kernels."""

        def quiet() -> bool:
            kernels = self.status()["kernels"]
            left = (kernels["ready"], len(self.kernels()), len(self.directories()))
            return kernels["running"] == 0 and set(left) == {self.ready}

        until(quiet)


def logged(kernel_id: str) -> str:
    """The id of a kernel as the log has it."""
    return redacted(kernel_id)


def kernels_of(fork_server: psutil.Process) -> list[psutil.Process]:
    """A fork server's kernels: its children after its monitor, which is its first copy.

    With Sage, it has started another program before: the one that removes its scratch directory.
    One that has ended has none.
    """
    try:
        children = fork_server.children()
        command = fork_server.cmdline()
    except psutil.NoSuchProcess:
        return []
    children.sort(key=lambda child: (child.create_time(), child.pid))
    copies = itertools.dropwhile(lambda child: command_of(child) != command, children)
    return list(copies)[1:]


def all_gone(processes: list[psutil.Process]) -> Callable[[], bool]:
    """A function that returns whether these processes have ended, or are zombies."""
    return lambda: all(ended(process) for process in processes)
