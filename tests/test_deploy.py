"""The deployment files are accepted by the programs that read them: systemd, twistd and `load`."""

from __future__ import annotations

import configparser
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from sagecell_tx.config import ComputeConfig, Config, load
from sagecell_tx.http.connections.accepting import REFUSED_AT
from sagecell_tx.http.nodes.kernelids import numbered
from sagecell_tx.kernelside.forkserver import delegation
from sagecell_tx.process.capacity import DESCRIPTORS
from sagecell_tx.tap import Options

DEPLOY = Path(__file__).parent.parent / "deploy"
TWISTD = Path(sys.executable).with_name("twistd")
INSTALLED = "/opt/sagecell-tx/bin/twistd"
INSTALLED_COMMAND = "/opt/sagecell-tx/bin/sagecell-tx "
INSTALLED_CONTROLLER = "/opt/sagecell-tx/bin/ipcontroller "

#: The exit statuses of a clean end. Source: systemd.service(5), SuccessExitStatus.
CLEAN = (0,)

#: Seconds that a process may take for each step.
PATIENCE = 60


def unit(name: str) -> configparser.ConfigParser:
    """Parse a unit file; a key that is given twice is an error."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string((DEPLOY / name).read_text(encoding="utf-8"))
    return parser


def server_arguments() -> list[str]:
    """The arguments of `twistd sagecell-tx` in the service unit."""
    words = shlex.split(unit("sagecell-tx.service")["Service"]["ExecStart"])
    assert words[:4] == [INSTALLED, "--nodaemon", "--pidfile=", "sagecell-tx"]
    return words[4:]


# --- settings


def test_the_example_settings_load():
    assert Config(**load(DEPLOY / "sagecell.toml")) == Config()


def names_of(settings: dict[str, Any]) -> set[str]:
    """The full names of all keys, such as ``listen`` and ``limits.files.file_bytes``."""
    limits = {f"limits.{table}.{key}" for table, keys in settings["limits"].items() for key in keys}
    others = {key: value for key, value in settings.items() if key != "limits"}
    tables = {key: value for key, value in others.items() if isinstance(value, dict) and value}
    inner = {f"{table}.{key}" for table, keys in tables.items() for key in keys}
    return limits | inner | (others.keys() - tables.keys())


def test_the_example_settings_show_every_key_with_its_default(tmp_path):
    text = (DEPLOY / "sagecell.toml").read_text(encoding="utf-8")
    shown = re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE)
    path = tmp_path / "sagecell.toml"
    path.write_text(shown, encoding="utf-8")
    assert Config(**load(path)) == Config()
    # pytest's comparison of the sets names the keys that are missing.
    assert names_of(tomllib.loads(shown)) == names_of(attrs.asdict(Config()))


def test_the_example_settings_of_an_agent_show_every_key_with_its_default(tmp_path):
    text = (DEPLOY / "compute.toml").read_text(encoding="utf-8")
    shown = re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE)
    path = tmp_path / "compute.toml"
    path.write_text(shown, encoding="utf-8")
    assert ComputeConfig(**load(path, ComputeConfig)) == ComputeConfig()
    assert tomllib.loads(shown).keys() == attrs.fields_dict(ComputeConfig).keys()


# --- systemd


def test_systemd_finds_no_fault(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    paths = []
    for name in (
        "sagecell-tx.service",
        "sagecell-tx.socket",
        "sagecell-tx-compute.service",
        "sagecell-tx-controller.service",
    ):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        paths.append(tmp_path / name)
        # systemd-analyze accepts only an executable that exists.
        text = text.replace(INSTALLED_COMMAND, f"{TWISTD.with_name('sagecell-tx')} ")
        text = text.replace(INSTALLED_CONTROLLER, f"{TWISTD.with_name('ipcontroller')} ")
        paths[-1].write_text(text.replace(INSTALLED, str(TWISTD)), encoding="utf-8")
    verified = subprocess.run(
        [analyze, "verify", "--man=no", *paths], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_servers_that_follow_one_another_are_as_one_alone():
    """What differs between the two service units, and between their sockets, is what has to."""

    def settings(name: str) -> set[tuple[str, str, str]]:
        sections = unit(name)
        return {(name, *item) for name in sections.sections() for item in sections[name].items()}

    both = (settings("sagecell-tx.service"), settings("sagecell-tx@.service"))
    alone, following = (one - other for one, other in (both, both[::-1]))
    assert {key for _, key, _ in alone} == {
        "Description",
        "Requires",
        "After",
        "ExecStart",
        "Restart",
    }
    added = {"Sockets", "User"}
    assert {key for _, key, _ in following} == {key for _, key, _ in alone} | added
    values = {key: value for _, key, value in following}
    assert values["Restart"] == "on-failure"
    words = unit("sagecell-tx.service")["Service"]["ExecStart"]
    assert values["ExecStart"] == f"{words} --node %i --take-over"
    sockets = (settings("sagecell-tx.socket"), settings("sagecell-tx-nodes.socket"))
    assert {key for _, key, _ in sockets[0] ^ sockets[1]} == {"Description", "Service"}
    options = Options()
    options.parseOptions(["--node", "2", "--take-over"])
    assert (options.settings.node, options.settings.take_over) == (2, True)


def test_systemd_finds_no_fault_with_servers_that_follow_one_another(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    for name in ("sagecell-tx@.service", "sagecell-tx-nodes.socket"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(INSTALLED, str(TWISTD)), encoding="utf-8")
    units = [tmp_path / "sagecell-tx@2.service", tmp_path / "sagecell-tx-nodes.socket"]
    verified = subprocess.run(
        [analyze, "verify", "--man=no", *units],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_the_service_starts_twistd_with_options_it_knows(tmp_path):
    arguments = server_arguments()
    assert arguments[arguments.index("--config") + 1] == "/etc/sagecell-tx.toml"
    arguments[arguments.index("--config") + 1] = str(DEPLOY / "sagecell.toml")
    options = Options()
    options.parseOptions(arguments)
    assert options.settings.listen == ("systemd:domain=INET:index=0",)
    assert options.settings.state_dir == Path("%S/sagecell-tx")


def test_the_service_keeps_its_state_where_systemd_makes_room():
    service = unit("sagecell-tx.service")["Service"]
    assert service["StateDirectory"] == service["CacheDirectory"] == "sagecell-tx"
    assert service["Environment"] == "HOME=%C/sagecell-tx"


def test_the_service_lets_kernels_have_namespaces():
    hindrances = {
        "MemoryDenyWriteExecute",
        "ProcSubset",
        "ProtectControlGroups",
        "ProtectHostname",
        "ProtectKernelLogs",
        "ProtectKernelTunables",
        "ProtectProc",
        "RestrictNamespaces",
        "SystemCallFilter",
    }
    assert not hindrances & set(unit("sagecell-tx.service")["Service"])


def test_the_service_may_make_groups_for_kernels():
    service = unit("sagecell-tx.service")["Service"]
    used = {delegation.NEEDED, *delegation.WELCOME, delegation.WEIGHING}
    assert used == set(service["Delegate"].split())
    assert f"DelegateSubgroup={delegation.SERVER}" in (
        (DEPLOY / "sagecell-tx.service").read_text(encoding="utf-8")
    )


def test_the_service_may_have_a_thousand_kernels():
    service = unit("sagecell-tx.service")["Service"]
    assert int(service["LimitNOFILE"]) * REFUSED_AT > 1000 * DESCRIPTORS
    # Each kernel's own limit is for its threads; systemd's default would be one for all kernels together.
    assert service["TasksMax"] == "infinity"


def test_the_socket_is_reached_from_this_machine_only():
    assert unit("sagecell-tx.socket")["Socket"]["ListenStream"] == "127.0.0.1:8888"


# --- proxies


@pytest.mark.parametrize("name", ["nginx-nodes.conf", "haproxy.cfg"])
def test_proxies_know_the_server_by_a_kernels_id(name):
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for node in (1, 2):
        (pattern,) = re.findall(rf"[~ ](\^/\(kernel\S+/{node:04d}\S+-8)", text)
        for before in ("kernel", "api/kernels", "api/sessions"):
            assert re.match(pattern, f"/{before}/{numbered(node, secrets.token_bytes)}/channels")
            assert not re.match(pattern, f"/{before}/{numbered(12, secrets.token_bytes)}")
        assert not re.match(pattern, f"/kernel/{node:04d}0000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("name", ["nginx.conf", "haproxy.cfg"])
def test_proxies_look_for_the_server_where_the_socket_is(name):
    address = unit("sagecell-tx.socket")["Socket"]["ListenStream"]
    assert address in (DEPLOY / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["nginx.conf", "haproxy.cfg"])
def test_proxies_name_limits_that_exist(name):
    text = (DEPLOY / name).read_text(encoding="utf-8")
    limits = re.findall(r"\blimits(?:\.\w+)+", text)
    assert limits
    assert set(limits) - names_of(attrs.asdict(Config())) == set()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nginx.conf", "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"),
        ("haproxy.cfg", "option forwardfor"),
    ],
)
def test_proxies_tell_who_the_client_is(name, line):
    lines = (DEPLOY / name).read_text(encoding="utf-8").splitlines()
    assert line in [each.strip() for each in lines]


def test_haproxy_takes_the_kernel_id_from_the_path():
    """contract: 10"""
    text = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    rules = re.findall(r"match path,bytes\((\d+),(\d+)\) if { path_reg (\S+) }", text)
    kernel_id = "74ff2342-cee4-4652-bd63-ff2a321aae60"
    paths = ("/kernel/{}/channels", "/api/kernels/{}/channels", "/api/sessions/{}")
    for (first, length, pattern), path in zip(rules, paths, strict=True):
        path = path.format(kernel_id)
        assert path[int(first) :][: int(length)] == kernel_id
        assert re.match(pattern, path)


def test_haproxy_keeps_what_belongs_to_a_kernel_or_a_page_at_one_server():
    """contract: 10"""
    text = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    assert {
        "option httpchk GET /status.json?ready=1",
        "http-check disable-on-404",
        "balance leastconn",
        "stick store-response res.hdr(Jupyter-Kernel-ID)",
        "stick match req.hdr(Jupyter-Kernel-ID)",
        "stick on urlp(CellSessionID) table pages",
    } <= set(lines)
    (pattern,) = re.findall(r"bytes\(8,36\) if { path_reg (\S+) }", text)
    kernel_id = "74ff2342-cee4-4652-bd63-ff2a321aae60"
    for below in ("channels", "messages", "files/plot.png"):
        assert re.match(pattern, f"/kernel/{kernel_id}/{below}")
    assert not re.match(pattern, "/kernel")


def test_what_clients_choose_replaces_no_kernels_id_in_haproxys_tables():
    """A table that is full forgets its oldest entry, and any client can make up a name."""
    text = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    for rule in re.findall(r"^    stick on .*$", text, re.MULTILINE):
        (table,) = re.findall(r" table (\w+)", rule)
        assert re.search(rf"^backend {table}\n(?:    .*\n)*?    stick-table ", text, re.MULTILINE)


# --- started like systemd does

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


@pytest.mark.integration
def test_it_serves_on_a_socket_of_systemds_and_tells_its_state(tmp_path):
    settings = tmp_path / "sagecell.toml"
    settings.write_text("preload = []\n", encoding="utf-8")
    values = {"--config": str(settings), "--state-dir": str(tmp_path / "state")}
    arguments = server_arguments()
    for option, value in values.items():
        arguments[arguments.index(option) + 1] = value
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified,
        socket.create_server(("127.0.0.1", 0)) as listening,
        open(tmp_path / "log", "wb") as log,
    ):
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(PATIENCE)
        command = [sys.executable, "-c", _ACTIVATE, str(listening.fileno()), str(TWISTD)]
        server = subprocess.Popen(
            [*command, "--nodaemon", "--pidfile=", "sagecell-tx", *arguments],
            pass_fds=[listening.fileno()],
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stdout=log,
            stderr=log,
        )
        try:
            assert notified.recv(64) == b"READY=1"
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/service"
            with urllib.request.urlopen(url, b"code=print(6*7)", PATIENCE) as answer:
                assert b'"stdout":"42\\n"' in answer.read()
            server.send_signal(signal.SIGTERM)
            assert notified.recv(64) == b"STOPPING=1"
            assert server.wait(PATIENCE) in CLEAN
        finally:
            server.kill()
            server.wait()
    assert [path.name for path in (tmp_path / "state" / "kernels").iterdir()] == ["lock"]


# --- containers


def compose() -> dict[str, Any]:
    """The services of compose.yaml."""
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services: dict[str, Any] = document["services"]
    for service in services.values():
        named = {volume.split(":")[0] for volume in service["volumes"] if volume[0] != "."}
        assert named <= set(document["volumes"])
        assert set(service["networks"]) <= set(document["networks"])
    return services


def server_options(words: list[str]) -> Options:
    """The options of the server in a command of a container."""
    assert words[:4] == ["twistd", "--nodaemon", "--pidfile=", "sagecell-tx"]
    options = Options()
    options.parseOptions(
        [
            str(DEPLOY / "sagecell-compose.toml") if word == "/etc/sagecell-tx.toml" else word
            for word in words[4:]
        ]
    )
    return options


def test_the_image_starts_the_server_with_options_it_knows():
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    (entrypoint,) = re.findall(r"^ENTRYPOINT (.*)$", text, flags=re.MULTILINE)
    options = server_options(json.loads(entrypoint))
    assert options.settings.listen == ("tcp:8888",)
    assert f"VOLUME {options.settings.state_dir}\n" in text


def test_the_image_depends_on_extras_that_exist():
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    setup = configparser.ConfigParser()
    setup.read(DEPLOY.parent / "setup.cfg")
    (extras,) = re.findall(r"^ARG EXTRAS=(.*)$", text, flags=re.MULTILINE)
    assert set(extras.split(",")) <= set(setup["options.extras_require"])


def test_compose_starts_the_server_with_its_settings():
    server = compose()["server"]
    remove, _, start = server["command"][0].partition(" && exec ")
    options = server_options(shlex.split(start))
    (listen,) = options.settings.listen
    kind, path, _ = listen.split(":")
    assert (kind, remove) == ("unix", f"rm -f {path}")
    # Whoever reaches that socket is believed who the client is, so programs must not see it.
    assert options.settings.proxies == ("unix",)
    assert options.settings.sandbox == "namespaces"
    assert "unmask=ALL" in server["security_opt"]
    assert options.settings.database == "postgresql+psycopg://cells@database/cells"


def test_compose_has_nginx_look_for_the_server_where_it_listens():
    services = compose()
    command = services["nginx"]["command"][0]
    (old, new) = re.findall(r"s#(\S+?)#(\S+?)#", command)[0]
    assert f"proxy_pass {old};" in (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert new.removeprefix("http://") in services["server"]["command"][0]
    assert set(services["nginx"]["volumes"]) & set(services["server"]["volumes"]) == {
        "socket:/run/sagecell-tx"
    }
