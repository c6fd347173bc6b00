"""The directories that follow from where a kernelspec's program is."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from sagecell_tx.hosts.kernelspecs.visible import TooMuch, spec_directories

#: The directory of a kernelspec that is visible already.
OF_SYSTEM = "/usr/share/jupyter/kernels/k"


def program_directories(program: str) -> list[str]:
    return spec_directories(OF_SYSTEM, program)


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


def test_that_of_the_kernelspec(tmp_path: Path) -> None:
    directory = str(tmp_path / "share" / "jupyter" / "kernels" / "bash")
    assert spec_directories(directory, "/usr/bin/env") == [directory]


@pytest.mark.parametrize(
    "path",
    [
        "/kernel",
        "/srv/kernel",
        "/opt/kernel",
        "/opt/bin/kernel",
        "//opt/bin/kernel",
        "/home/bin/kernel",
        "/home/alice/kernel",
        "/home/alice/bin/kernel",
        "/home/alice/.local/bin/kernel",
        "/var/home/bin/kernel",
        "/var/tmp/kernel",
        "/mnt/disk/bin/kernel",
        "/root/kernel",
    ],
)
def test_not_what_is_of_many(path: str) -> None:
    with pytest.raises(TooMuch, match="all of"):
        program_directories(path)


@pytest.mark.parametrize(
    "path", ["/dev/shm/bash/kernel", "/sys/bash/kernel", "/home/cell/bash/bin/k"]
)
def test_not_what_each_kernel_has_of_its_own(path: str) -> None:
    """What the server has there would be hidden, or be in the way of the kernel's own."""
    with pytest.raises(TooMuch, match="another"):
        program_directories(path)


def test_what_a_kernel_has_for_itself() -> None:
    paths = {
        "/opt/bash/bin/kernel": "/opt/bash",
        "/srv/bash/kernel": "/srv/bash",
        "/home/alice/envs/bash/bin/kernel": "/home/alice/envs/bash",
        "/var/lib/kernels/bash/kernel": "/var/lib/kernels/bash",
    }
    assert {path: program_directories(path) for path in paths} == {
        path: [directory] for path, directory in paths.items()
    }


def test_not_a_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "users" / "me"
    monkeypatch.setenv("HOME", str(home))
    for path in (
        home / "bin" / "kernel",
        home / ".local" / "bin" / "kernel",
        home.parent / "kernel",
        home.parent / ".local" / "bin" / "kernel",
    ):
        with pytest.raises(TooMuch, match="all of"):
            program_directories(program(path))
    own = program(home / "envs" / "bash" / "bin" / "kernel")
    assert program_directories(own) == [str(home / "envs" / "bash")]


def test_nor_one_that_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    home = tmp_path / "home-of-me"
    home.symlink_to(tmp_path / "real")
    monkeypatch.setenv("HOME", str(home))
    for path in (home, tmp_path / "real"):
        with pytest.raises(TooMuch, match="all of"):
            program_directories(program(path / "bin" / "kernel"))


def test_nor_that_of_another_account() -> None:
    homes = {each.pw_dir for each in pwd.getpwall()}
    tried = [home for home in homes if home.count("/") > 2 and not home.startswith("/usr")]
    for home in tried:
        with pytest.raises(TooMuch, match="all of"):
            program_directories(f"{home}/bin/kernel")


def test_nor_one_that_a_link_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    (tmp_path / "me" / "bin").symlink_to("/usr/bin")
    (tmp_path / "bash").symlink_to(tmp_path / "me")
    with pytest.raises(TooMuch, match="all of"):
        program_directories(str(tmp_path / "bash" / "bin" / "env"))
    with pytest.raises(TooMuch, match="all of"):
        spec_directories(str(tmp_path / "bash"), "/usr/bin/env")


def test_no_script_is_read_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kernel")
    assert program_directories(str(tmp_path / "kernel")) == [str(tmp_path)]
