"""The directories that follow from where a kernelspec's program is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagecell_tx.hosts.kernelspecs.visible import TooMuch, program_directories


def program(path: Path, text: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_the_prefix_of_a_program_in_bin(tmp_path: Path) -> None:
    assert program_directories(program(tmp_path / "venv" / "bin" / "kernel")) == [
        str(tmp_path / "venv")
    ]


def test_the_directory_of_another(tmp_path: Path) -> None:
    assert program_directories(program(tmp_path / "kernel")) == [str(tmp_path)]


def test_what_a_link_leads_to(tmp_path: Path) -> None:
    program(tmp_path / "base" / "bin" / "python3.11")
    link = tmp_path / "venv" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "base" / "bin" / "python3.11")
    assert program_directories(str(link)) == [str(tmp_path / "base"), str(tmp_path / "venv")]


def test_the_interpreter_of_a_script(tmp_path: Path) -> None:
    python = program(tmp_path / "venv" / "bin" / "python")
    script = program(tmp_path / "other" / "bin" / "kernel", f"#! {python} -I\nimport x\n")
    assert program_directories(script) == [str(tmp_path / "other"), str(tmp_path / "venv")]


@pytest.mark.parametrize("path", ["/usr/bin/env", "/bin/sh", "/usr/local/lib/kernel/kernel"])
def test_the_systems_are_visible_already(path: str) -> None:
    assert program_directories(path) == []


@pytest.mark.parametrize("path", ["/srv/kernel", "/home/bin/kernel", "/root/kernel", "/kernel"])
def test_not_what_is_directly_below_the_root(path: str) -> None:
    with pytest.raises(TooMuch):
        program_directories(path)


def test_not_a_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (tmp_path / "bin" / "kernel", tmp_path / ".local" / "bin" / "kernel"):
        with pytest.raises(TooMuch, match="all of"):
            program_directories(program(path))
    own = program(tmp_path / "envs" / "bash" / "bin" / "kernel")
    assert program_directories(own) == [str(tmp_path / "envs" / "bash")]
