"""Which installed kernelspecs are accepted, and what operators are told of the others."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.kernelspecs.finding import find_specs, installed_directories
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.sessions.spec import KernelSpec
from tests.hosts.kernelspecs.specs import ARGV, PNG, write_spec


def found(directory: Path, name: str = "bash") -> InstalledSpec:
    (spec,) = find_specs([name], lambda: {name.lower(): str(directory)})
    return spec


def refusal(directory: Path, name: str = "bash") -> str:
    with pytest.raises(ConfigError) as refused:
        found(directory, name)
    sentence = str(refused.value)
    assert sentence.startswith(f"kernelspecs: {name[:100]}: ")
    return sentence


def test_without_names_nothing_is_looked_for() -> None:
    def find() -> Any:
        raise AssertionError

    assert find_specs([], find) == ()


def test_what_is_known_of_one(tmp_path: Path) -> None:
    directory = write_spec(
        tmp_path,
        "bash",
        display_name="Bash",
        language="bash",
        env={"PS1": "$"},
        interrupt_mode="message",
        help_links=[{"text": "Bash", "url": "https://www.gnu.org/software/bash/"}],
    )
    (directory / "logo-64x64.png").write_bytes(PNG)
    spec = found(directory)
    assert spec.kind == KernelSpec(name="bash", display_name="Bash", language="bash")
    assert spec.program == {"argv": ARGV, "env": {"PS1": "$"}}
    assert spec.interrupt_mode == "message"
    assert spec.help_links == [("Bash", "https://www.gnu.org/software/bash/")]
    assert spec.resources["logo-64x64"].content == PNG
    assert str(directory) in spec.directories


def test_what_it_leaves_out_has_a_default(tmp_path: Path) -> None:
    spec = found(write_spec(tmp_path, "bash", display_name=None, language=None))
    assert spec.kind == KernelSpec(name="bash", display_name="bash", language="")
    assert (spec.interrupt_mode, spec.env, spec.help_links) == ("signal", {}, [])


def test_each_is_found_once_and_in_order(tmp_path: Path) -> None:
    places = {name: str(write_spec(tmp_path, name)) for name in ("a", "b")}
    specs = find_specs(["b", "a", "b"], lambda: places)
    assert [spec.kind.name for spec in specs] == ["b", "a"]


def test_its_places_are_filled_in_but_for_the_connection_file(tmp_path: Path) -> None:
    argv = [sys.executable, "{resource_dir}/x", "{prefix}", "{connection_file}", "{other}"]
    directory = write_spec(tmp_path, "bash", argv=argv)
    assert found(directory).argv == [
        sys.executable,
        f"{directory}/x",
        str(tmp_path),
        "{connection_file}",
        "{other}",
    ]


def test_a_program_without_a_path_is_that_of_its_environment(tmp_path: Path) -> None:
    directory = write_spec(tmp_path, "bash", argv=["sh", "{connection_file}"])
    on_the_path = found(directory).argv[0]
    assert os.path.isabs(on_the_path)
    (tmp_path / "bin").mkdir()
    own = tmp_path / "bin" / "sh"
    own.symlink_to(on_the_path)
    assert found(directory).argv[0] == str(own)


@pytest.mark.parametrize("name", ["python", "python3", "Python3", "sagemath"])
def test_the_names_of_the_servers_own_are_taken(tmp_path: Path, name: str) -> None:
    assert "are the server's own" in refusal(tmp_path, name)


@pytest.mark.parametrize("name", ["", "../bash", "a/b", "x" * 101, "bäsh"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    assert "expected a name" in refusal(tmp_path, name)


def test_one_that_is_not_installed_is_told_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no such kernelspec is installed; there are: bash"):
        find_specs(["gap"], lambda: {"bash": "/nowhere", "python3": "/nowhere"})


def test_one_with_a_provisioner_is_refused(tmp_path: Path) -> None:
    provisioner = {"kernel_provisioner": {"provisioner_name": "k8s", "config": {}}}
    directory = write_spec(tmp_path, "bash", metadata=provisioner)
    assert "provisioner of its own" in refusal(directory)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"argv": None}, "argv must be a list of strings"),
        ({"argv": []}, "argv must be a list of strings"),
        ({"argv": "sh {connection_file}"}, "argv must be a list of strings"),
        ({"argv": ["sh", 1, "{connection_file}"]}, "argv must be a list of strings"),
        ({"argv": ["sh", "a\0b", "{connection_file}"]}, "argv must be a list of strings"),
        ({"argv": ["sh", "\ud800", "{connection_file}"]}, "argv must be a list of strings"),
        ({"argv": ["\ud800", "{connection_file}"]}, "argv must be a list of strings"),
        ({"argv": ["sh"]}, "has no {connection_file}"),
        ({"argv": ["bin/sh", "{connection_file}"]}, "must be an absolute path"),
        ({"argv": ["/nowhere/sh", "{connection_file}"]}, "cannot be found"),
        ({"argv": ["no-such-program", "{connection_file}"]}, "cannot be found"),
        ({"argv": ["/usr/bin", "{connection_file}"]}, "cannot be found"),
        ({"argv": ["sh", "x" * 9000, "{connection_file}"]}, "more than 8 KiB"),
        ({"env": {"A": 1}}, "env must be an object of strings"),
        ({"env": ["A"]}, "env must be an object of strings"),
        ({"env": {"A": "x\0"}}, "env must be an object of strings"),
        ({"env": {"A": "\ud800"}}, "env must be an object of strings"),
        ({"env": {"\ud800": "x"}}, "env must be an object of strings"),
        ({"env": {"A=B": "x"}}, "env must be an object of strings"),
        ({"env": {"": "x"}}, "env must be an object of strings"),
        ({"interrupt_mode": "pray"}, "interrupt_mode"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path: Path, fields: dict[str, Any], why: str) -> None:
    assert why in refusal(write_spec(tmp_path, "bash", **fields))


@pytest.mark.parametrize("text", ["", "[]", "{", "x" * 300_000, "[" * 100_000])
def test_a_file_that_is_no_kernelspec(tmp_path: Path, text: str) -> None:
    directory = write_spec(tmp_path, "bash")
    (directory / "kernel.json").write_text(text)
    assert "expected a JSON object" in refusal(directory)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path)


def test_one_that_would_have_to_be_waited_for(tmp_path: Path) -> None:
    directory = write_spec(tmp_path, "bash")
    (directory / "kernel.json").unlink()
    os.mkfifo(directory / "kernel.json")
    assert "expected a JSON object" in refusal(directory)


def test_what_people_read_is_text(tmp_path: Path) -> None:
    links = [{"text": "a\ud800", "url": "https://example.org/\ud800"}]
    fields = {"display_name": "\ud800b", "language": "\udfff", "help_links": links}
    spec = found(write_spec(tmp_path, "bash", **fields))
    assert (spec.kind.display_name, spec.kind.language) == ("?b", "?")
    assert spec.help_links == [("a?", "https://example.org/?")]


def test_only_links_to_web_pages_are_told(tmp_path: Path) -> None:
    links: list[Any] = [
        {"text": "good", "url": "http://example.org/"},
        {"text": "script", "url": "javascript:alert(1)"},
        {"text": "", "url": "https://example.org/"},
        {"text": "none"},
        {"text": 1, "url": "https://example.org/"},
        "https://example.org/",
    ]
    spec = found(write_spec(tmp_path, "bash", help_links=links))
    assert spec.help_links == [("good", "http://example.org/")]
    many = [{"text": "x" * 1000, "url": "https://example.org/"}] * 100
    spec = found(write_spec(tmp_path / "many", "bash", help_links=many))
    assert spec.help_links == [("x" * 200, "https://example.org/")] * 20


def test_a_program_in_a_home_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    program = tmp_path / "bin" / "kernel"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    directory = write_spec(tmp_path, "bash", argv=[str(program), "{connection_file}"])
    assert f"would have to read all of {tmp_path}" in refusal(directory)


def test_jupyter_client_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = write_spec(tmp_path, "Cobol-85")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    assert installed_directories()["cobol-85"] == str(directory)
    (spec,) = find_specs(["Cobol-85"])
    assert spec.kind.name == "Cobol-85"
    assert json.loads(json.dumps(spec.program))["argv"] == ARGV
