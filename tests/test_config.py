"""Settings from TOML: every key, and every kind of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from sagecell_tx import renamed
from sagecell_tx.config import (
    AdminSettings,
    Cluster,
    Config,
    ConfigError,
    KnownMachine,
    LogSettings,
    MetricsSettings,
    document_of,
    load,
    settings_in,
)
from sagecell_tx.limits import AdmissionLimits, LifetimeLimits, Limits, Rate


@pytest.fixture
def settings(tmp_path):
    """Writes a file of settings and reads it back."""

    def read(text):
        path = tmp_path / "sagecell.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path)

    return read


@pytest.fixture
def complaint(settings, tmp_path):
    """The error message for a file, which always begins with the file's name."""

    def read(text):
        with pytest.raises(ConfigError) as caught:
            settings(text)
        name = f"{tmp_path / 'sagecell.toml'}: "
        said = str(caught.value)
        assert said.startswith(name)
        assert said.count(name) == 1
        return said.removeprefix(name)

    return read


def test_an_empty_file_changes_nothing(settings):
    assert settings("") == {}
    assert Config(**settings("[limits]\n")) == Config()


def test_the_defaults_are_for_one_machine_alone():
    config = Config()
    assert config.listen == ("tcp:8888:interface=127.0.0.1",)
    assert config.limits == Limits()
    assert config.limits.lifetime.idle_seconds <= config.limits.lifetime.total_seconds
    assert config.limits.files.file_bytes <= config.limits.files.session_bytes
    assert config.limits.requests.code_characters <= config.limits.messages.client_message_bytes


def test_the_state_directory_holds_what_has_no_place_of_its_own(tmp_path):
    config = Config(state_dir=tmp_path)
    assert config.database_url == f"sqlite:///{tmp_path}/sagecell.db"
    assert config.kernels_dir == tmp_path / "kernels"


def test_a_relative_state_directory_is_found_from_anywhere():
    assert Config().kernels_dir == Path.cwd() / "var" / "kernels"
    assert Config().database_url == f"sqlite:///{Path.cwd()}/var/sagecell.db"


def test_database_and_kernels_can_be_elsewhere():
    config = Config(database="postgresql://db/cells", work_dir="/run/kernels")
    assert config.database_url == "postgresql://db/cells"
    assert config.kernels_dir == Path("/run/kernels")


def test_every_setting_can_be_read(settings):
    text = """
        listen = ["tcp:80", "systemd:domain=INET:index=0"]
        state_dir = "/var/lib/sagecell"
        database = "postgresql://db/cells"
        permalinks = "https://links.example/"
        permalinks_only = true
        run_permalinks = false
        work_dir = "/run/kernels"
node = 2
take_over = true
web_processes = 3
        kernel_python = "/opt/sage/bin/python"
        kernelspecs = ["bash"]
        preload = []
        picture_files = true
        sandbox = "account"
        accounts = [70000, 100]
        visible = ["/opt/sage"]
        network = ["pypi.org", "*.example.org"]
        network_ports = [443]
        script_hosts = ["cdn.example.org"]
        baseurl = "/cells"
        requires_tos = true
        tos = "/etc/terms.html"
        spare = false
        proxies = ["10.0.0.0/8", "unix"]
        keys = { school = "a-key-of-some-length" }
        [metrics]
        listen = ["tcp:9464:interface=127.0.0.1"]
        public = true
        hosts = ["prom.example.org"]
        [logs]
        format = "json"
        addresses = "whole"
        sample = 1
        [admin]
        listen = ["tcp:8889"]
        token_file = "/etc/admin-token"
        hosts = ["admin.example.org"]
        [cluster]
        keys = "/var/lib/keys"
        max_kernels = 100
        machines = [{ address = "10.0.0.5:9475", fingerprint = "00", name = "blue", max_kernels = 200 }]
    """
    limits = {}
    for table in attrs.fields(Limits):
        text += f"[limits.{table.name}]\n"
        values: dict[str, Any] = {}
        for number, attribute in enumerate(attrs.fields(type(getattr(Limits(), table.name))), 1):
            # A whole number is accepted for a float.
            if isinstance(attribute.default, Rate):
                text += f"{attribute.name} = {{ burst = {number}, per_minute = {number} }}\n"
                values[attribute.name] = Rate(burst=number, per_minute=float(number))
                continue
            text += f"{attribute.name} = {number}\n"
            whole = isinstance(attribute.default, int)
            values[attribute.name] = number if whole else float(number)
        limits[table.name] = values
    read = settings(text)
    assert read == {
        "listen": ("tcp:80", "systemd:domain=INET:index=0"),
        "state_dir": Path("/var/lib/sagecell"),
        "database": "postgresql://db/cells",
        "permalinks": "https://links.example/",
        "permalinks_only": True,
        "run_permalinks": False,
        "work_dir": "/run/kernels",
        "node": 2,
        "take_over": True,
        "web_processes": 3,
        "kernel_python": "/opt/sage/bin/python",
        "kernelspecs": ("bash",),
        "preload": (),
        "picture_files": True,
        "spare": False,
        "proxies": ("10.0.0.0/8", "unix"),
        "keys": {"school": "a-key-of-some-length"},
        "sandbox": "account",
        "accounts": (70000, 100),
        "visible": ("/opt/sage",),
        "network": ("pypi.org", "*.example.org"),
        "network_ports": (443,),
        "script_hosts": ("cdn.example.org",),
        "baseurl": "/cells",
        "requires_tos": True,
        "tos": "/etc/terms.html",
        "metrics": MetricsSettings(
            listen=("tcp:9464:interface=127.0.0.1",), public=True, hosts=("prom.example.org",)
        ),
        "logs": LogSettings(format="json", addresses="whole", sample=1.0),
        "admin": AdminSettings(
            listen=("tcp:8889",), token_file="/etc/admin-token", hosts=("admin.example.org",)
        ),
        "cluster": Cluster(
            keys="/var/lib/keys",
            machines=(
                KnownMachine(
                    address="10.0.0.5:9475", fingerprint="00", name="blue", max_kernels=200
                ),
            ),
            max_kernels=100,
        ),
        "limits": Limits(
            **{name: type(getattr(Limits(), name))(**values) for name, values in limits.items()}
        ),
    }
    assert set(read) == set(attrs.fields_dict(Config))
    for name, values in limits.items():
        for key, value in values.items():
            assert type(getattr(getattr(read["limits"], name), key)) is type(value)


@pytest.mark.parametrize(
    ("baseurl", "prefix"),
    [("", ""), ("/", ""), ("/cells", "/cells"), ("cells/", "/cells"), ("/a/b-1~.c/", "/a/b-1~.c")],
)
def test_a_prefix_is_always_written_in_one_way(baseurl, prefix):
    """contract: 9"""
    assert Config(baseurl=baseurl).prefix == prefix


@pytest.mark.parametrize("baseurl", ["/a//b", "/a b", "/ä", "/a?b", "/a#", "http://x/", "/%41"])
def test_what_is_no_prefix_is_refused(baseurl):
    with pytest.raises(ConfigError) as caught:
        Config(baseurl=baseurl).prefix  # noqa: B018
    assert str(caught.value).startswith("baseurl: ")


def test_keys_are_not_shown_with_the_settings():
    assert "secret" not in repr(Config(keys={"school": "a-secret-of-some-length"}))


def test_settings_are_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Config().listen = ()  # type: ignore[misc]


def test_what_is_not_said_keeps_its_default(settings):
    config = Config(**settings("limits.lifetime.idle_seconds = 60.5"))
    assert config == Config(limits=Limits(lifetime=LifetimeLimits(idle_seconds=60.5)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("requires_tos = 1", "requires_tos: expected true or false, not 1"),
        ("listn = []", "unknown key 'listn'; did you mean 'listen'?"),
        (
            "limits.lifetime.idle_secnods = 1",
            "unknown key 'limits.lifetime.idle_secnods'; "
            "did you mean 'limits.lifetime.idle_seconds'?",
        ),
        (
            "limits.lifetime.idle = 1",
            "unknown key 'limits.lifetime.idle'; did you mean 'limits.lifetime.idle_seconds'?",
        ),
        (
            "limits.lifetimes = {}",
            "unknown key 'limits.lifetimes'; did you mean 'limits.lifetime'?",
        ),
        ("limits.machine = []", "limits.machine: expected a table"),
        ("zzzzzz = 1", "unknown key 'zzzzzz'"),
        ("kernels = 5", "unknown key 'kernels'; 'kernels' belongs below [limits.admission]"),
        (
            "[limits.files]\nstart_seconds = 5.0",
            "unknown key 'limits.files.start_seconds'; "
            "'start_seconds' belongs below [limits.lifetime]",
        ),
        (
            "[limits.files]\nlisten = []",
            "unknown key 'limits.files.listen'; "
            "'listen' belongs at the top of the file, before the first table",
        ),
        (
            "[limits.lifetime.idle_seconds]\nseconds = 1",
            "limits.lifetime.idle_seconds: expected a number, not {'seconds': 1}",
        ),
        ("database_url = ''", "unknown key 'database_url'; did you mean 'database'?"),
        ("__class__ = 1", "unknown key '__class__'"),
        ("limits = 3", "limits: expected a table"),
        ("limits = []", "limits: expected a table"),
        ("listen = 'tcp:80'", "listen: expected a list"),
        ("listen = ['tcp:80', 80]", "listen: expected a string, not 80"),
        ("preload = [['numpy']]", "preload: expected a string, not ['numpy']"),
        ("state_dir = 1", "state_dir: expected a string, not 1"),
        ("database = false", "database: expected a string, not False"),
        (
            "limits.admission.kernels = '64'",
            "limits.admission.kernels: expected a whole number, not '64'",
        ),
        (
            "limits.admission.kernels = 64.0",
            "limits.admission.kernels: expected a whole number, not 64.0",
        ),
        (
            "limits.admission.kernels = true",
            "limits.admission.kernels: expected a whole number, not True",
        ),
        (
            "limits.lifetime.idle_seconds = true",
            "limits.lifetime.idle_seconds: expected a number, not True",
        ),
        (
            "limits.lifetime.idle_seconds = '9'",
            "limits.lifetime.idle_seconds: expected a number, not '9'",
        ),
        (
            "limits.lifetime.idle_seconds = 2026-01-01",
            "limits.lifetime.idle_seconds: expected a number, not datetime.date(2026, 1, 1)",
        ),
        ("limits.admission.starts = 5", "limits.admission.starts: expected a table"),
        ("limits.admission.starts = { burst = 5 }", "limits.admission.starts.per_minute: missing"),
        (
            "limits.admission.starts = { burst = 0.5, per_minute = 1 }",
            "limits.admission.starts.burst: expected a whole number, not 0.5",
        ),
        ("keys = []", "keys: expected a table"),
        ("keys.school = 5", "keys.school: expected a string, not 5"),
        (
            "limits.admission.kernels = -1",
            "limits.admission.kernels: expected a number from 0 up, not -1",
        ),
        (
            "limits.lifetime.idle_seconds = -0.5",
            "limits.lifetime.idle_seconds: expected a number from 0 up, not -0.5",
        ),
        (
            "limits.lifetime.idle_seconds = nan",
            "limits.lifetime.idle_seconds: expected a number from 0 up, not nan",
        ),
        (
            "limits.lifetime.idle_seconds = inf",
            "limits.lifetime.idle_seconds: expected a number from 0 up, not inf",
        ),
        (
            "limits.lifetime.idle_seconds = -inf",
            "limits.lifetime.idle_seconds: expected a number from 0 up, not -inf",
        ),
        (
            "limits.lifetime.idle_seconds = 1e999",
            "limits.lifetime.idle_seconds: expected a number from 0 up, not inf",
        ),
        (
            "limits.messages.ping_seconds = 0",
            "limits.messages.ping_seconds: expected 0.1 or more, not 0",
        ),
        (
            "limits.sockjs.heartbeat_seconds = 1e-9",
            "limits.sockjs.heartbeat_seconds: expected 0.1 or more, not 1e-09",
        ),
        (
            "limits.lifetime.heartbeat_seconds = 0.0",
            "limits.lifetime.heartbeat_seconds: expected 0.1 or more, not 0.0",
        ),
    ],
)
def test_the_operator_is_told_what_is_wrong_and_where(complaint, text, said):
    assert complaint(text) == said


@pytest.mark.parametrize("former", renamed.LIMITS)
def test_a_limit_by_its_former_name_is_told_what_it_is_called_now(complaint, former):
    for value in (1, "{ burst = 5, per_minute = 5 }"):
        if isinstance(value, str) and not former.startswith(("starts", "stored", "permalinks")):
            continue  # it was a number
        told = complaint(f"[limits]\n{former} = {value}")
        assert told == (
            f"'limits.{former}' is now '{renamed.present(former)}'; "
            "`sagecell-tx settings upgrade FILE` prints the file with the current names"
        )


def test_a_former_name_is_told_among_those_of_today(complaint):
    text = "[limits.lifetime]\nidle_seconds = 60\n[limits]\nmemory = 1\n"
    assert complaint(text).startswith("'limits.memory' is now 'limits.machine.memory_bytes'; ")


@pytest.mark.parametrize("table", ["lifetime", "network", "sockjs", "files"])
def test_a_table_that_has_the_name_of_a_former_limit_is_a_table(settings, table):
    assert settings(f"[limits.{table}]\n") == {"limits": Limits()}
    assert settings(f"limits.{table} = {{}}") == {"limits": Limits()}


def test_a_number_beyond_floats_is_refused(complaint):
    assert complaint(f"limits.lifetime.idle_seconds = 1{'0' * 400}").startswith(
        "limits.lifetime.idle_seconds: expected a number"
    )


@pytest.mark.parametrize(
    "text",
    ["listen = ", "a = 1\na = 2", b"\xff", f"a = {'9' * 5000}", "a = " + "[" * 100_000],
    ids=lambda text: repr(text[:10]),
)
def test_what_is_not_toml_is_refused(complaint, text):
    assert complaint(text).startswith("not TOML: ")


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "absent.toml")
    assert str(caught.value) == f"{tmp_path / 'absent.toml'}: No such file or directory"


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: Is a directory"


def test_servers_of_one_machine_have_directories_and_accounts_of_their_own():
    four = [Config(node=node, accounts=(1000, 402)) for node in (1, 2, 3, 4)]
    assert [each.own_accounts for each in four] == [
        (1000, 100),
        (1100, 100),
        (1200, 100),
        (1300, 100),
    ]
    assert Config(node=5, accounts=(1000, 402)).own_accounts == four[0].own_accounts
    assert Config(accounts=(1000, 402)).own_accounts == (1000, 402)
    assert Config(node=2, work_dir="/run/kernels").kernels_dir == Path("/run/kernels/0002")
    workers = [
        Config(node=node, web_processes=2, accounts=(1000, 402)) for node in (201, 202, 9901, 9902)
    ]
    assert [each.own_accounts for each in workers] == [
        (1100, 50),
        (1150, 50),
        (1000, 201),
        (1201, 201),
    ]
    assert Config(node=2).accounts_lock is not None
    assert workers[0].accounts_lock is None


@pytest.mark.parametrize(
    "settings",
    [
        Config(),
        Config(
            listen=("tcp:1", "unix:/run/x"),
            state_dir=Path("/var/lib/cells"),
            keys={"school": "a-key"},
            node=2,
            web_processes=3,
            accounts=(1000, 402),
            limits=Limits(
                admission=AdmissionLimits(kernels=5, starts=Rate(burst=1, per_minute=2.5))
            ),
        ),
    ],
)
def test_settings_go_to_other_processes_as_they_are(settings: Config) -> None:
    assert settings_in(json.loads(json.dumps(document_of(settings)))) == settings
