"""Settings from TOML: every key, and every way to get one wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from sagecell_tx.config import Config, ConfigError, Limits, Rate, load


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
    """What the operator is told about a file; it always begins with the file's name."""

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
    assert config.limits.idle <= config.limits.lifetime
    assert config.limits.file <= config.limits.files
    assert config.limits.code <= config.limits.client_message


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
        work_dir = "/run/kernels"
        preload = []
        sandbox = "account"
        accounts = [70000, 100]
        visible = ["/opt/sage"]
        network = ["pypi.org", "*.example.org"]
        network_ports = [443]
        baseurl = "/cells"
        requires_tos = true
        tos = "/etc/terms.html"
        spare = false
        proxies = ["10.0.0.0/8", "unix"]
        keys = { school = "a-key-of-some-length" }
        [limits]
    """
    limits: dict[str, Any] = {}
    known: tuple[attrs.Attribute[Any], ...] = attrs.fields(Limits)
    for number, attribute in enumerate(known, 1):
        # A whole number is as good a number as any.
        if isinstance(attribute.default, Rate):
            text += f"{attribute.name} = {{ burst = {number}, per_minute = {number} }}\n"
            limits[attribute.name] = Rate(burst=number, per_minute=float(number))
            continue
        text += f"{attribute.name} = {number}\n"
        limits[attribute.name] = float(number) if isinstance(attribute.default, float) else number
    read = settings(text)
    assert read == {
        "listen": ("tcp:80", "systemd:domain=INET:index=0"),
        "state_dir": Path("/var/lib/sagecell"),
        "database": "postgresql://db/cells",
        "permalinks": "https://links.example/",
        "permalinks_only": True,
        "work_dir": "/run/kernels",
        "preload": (),
        "spare": False,
        "proxies": ("10.0.0.0/8", "unix"),
        "keys": {"school": "a-key-of-some-length"},
        "sandbox": "account",
        "accounts": (70000, 100),
        "visible": ("/opt/sage",),
        "network": ("pypi.org", "*.example.org"),
        "network_ports": (443,),
        "baseurl": "/cells",
        "requires_tos": True,
        "tos": "/etc/terms.html",
        "limits": Limits(**limits),
    }
    assert set(read) == set(attrs.fields_dict(Config))
    for name, value in limits.items():
        assert type(getattr(read["limits"], name)) is type(value)


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
    config = Config(**settings("limits.idle = 60.5"))
    assert config == Config(limits=Limits(idle=60.5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("requires_tos = 1", "requires_tos: expected true or false, not 1"),
        ("listn = []", "unknown key 'listn'; did you mean 'listen'?"),
        ("limits.idel = 1", "unknown key 'limits.idel'; did you mean 'limits.idle'?"),
        ("zzzzzz = 1", "unknown key 'zzzzzz'"),
        ("[limits.idle]\nseconds = 1", "limits.idle: expected a number, not {'seconds': 1}"),
        ("database_url = ''", "unknown key 'database_url'; did you mean 'database'?"),
        ("__class__ = 1", "unknown key '__class__'"),
        ("limits = 3", "limits: expected a table"),
        ("limits = []", "limits: expected a table"),
        ("listen = 'tcp:80'", "listen: expected a list"),
        ("listen = ['tcp:80', 80]", "listen: expected a string, not 80"),
        ("preload = [['numpy']]", "preload: expected a string, not ['numpy']"),
        ("state_dir = 1", "state_dir: expected a string, not 1"),
        ("database = false", "database: expected a string, not False"),
        ("limits.kernels = '64'", "limits.kernels: expected a whole number, not '64'"),
        ("limits.kernels = 64.0", "limits.kernels: expected a whole number, not 64.0"),
        ("limits.kernels = true", "limits.kernels: expected a whole number, not True"),
        ("limits.idle = true", "limits.idle: expected a number, not True"),
        ("limits.idle = '9'", "limits.idle: expected a number, not '9'"),
        (
            "limits.idle = 2026-01-01",
            "limits.idle: expected a number, not datetime.date(2026, 1, 1)",
        ),
        ("limits.starts = 5", "limits.starts: expected a table"),
        ("limits.starts = { burst = 5 }", "limits.starts.per_minute: missing"),
        (
            "limits.starts = { burst = 0.5, per_minute = 1 }",
            "limits.starts.burst: expected a whole number, not 0.5",
        ),
        ("keys = []", "keys: expected a table"),
        ("keys.school = 5", "keys.school: expected a string, not 5"),
        ("limits.kernels = -1", "limits.kernels: expected a number from 0 up, not -1"),
        ("limits.idle = -0.5", "limits.idle: expected a number from 0 up, not -0.5"),
        ("limits.idle = nan", "limits.idle: expected a number from 0 up, not nan"),
        ("limits.idle = inf", "limits.idle: expected a number from 0 up, not inf"),
        ("limits.idle = -inf", "limits.idle: expected a number from 0 up, not -inf"),
        ("limits.idle = 1e999", "limits.idle: expected a number from 0 up, not inf"),
    ],
)
def test_the_operator_is_told_what_is_wrong_and_where(complaint, text, said):
    assert complaint(text) == said


def test_a_number_beyond_floats_is_refused(complaint):
    assert complaint(f"limits.idle = 1{'0' * 400}").startswith("limits.idle: expected a number")


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
