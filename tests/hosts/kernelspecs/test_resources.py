"""The files of a kernelspec that clients may have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagecell_tx.hosts.kernelspecs import resources
from sagecell_tx.hosts.kernelspecs.resources import read_resources
from tests.hosts.kernelspecs.specs import PNG


def test_logos_a_script_and_styles(tmp_path: Path) -> None:
    for name in ("logo-svg.svg", "logo-64x64.png", "kernel.js", "kernel.css"):
        (tmp_path / name).write_bytes(PNG)
    found = read_resources(str(tmp_path))
    assert {key: (each.name, each.media_type) for key, each in found.items()} == {
        "logo-svg": ("logo-svg.svg", "image/svg+xml"),
        "logo-64x64": ("logo-64x64.png", "image/png"),
        "kernel.js": ("kernel.js", "text/javascript; charset=utf-8"),
        "kernel.css": ("kernel.css", "text/css; charset=utf-8"),
    }
    assert {each.content for each in found.values()} == {PNG}


@pytest.mark.parametrize(
    "name", ["kernel.json", "secrets.txt", "logo-x.html", "logo.png", "main.js", "logo-\n.png"]
)
def test_no_other_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PNG)
    assert read_resources(str(tmp_path)) == {}


def test_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(PNG)
    spec = tmp_path / "spec"
    spec.mkdir()
    (spec / "logo-a.png").symlink_to(outside)
    (spec / "logo-b.png").symlink_to(spec / "real.png")
    (spec / "logo-c.png").symlink_to("/etc/passwd")
    (spec / "real.png").write_bytes(PNG)
    assert read_resources(str(spec)) == {}


def test_only_regular_files(tmp_path: Path) -> None:
    (tmp_path / "logo-a.png").mkdir()
    os.mkfifo(tmp_path / "logo-b.png")
    assert read_resources(str(tmp_path)) == {}


def test_they_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "logo-a.png").write_bytes(b"x" * resources.LARGEST)
    (tmp_path / "logo-b.png").write_bytes(b"x" * (resources.LARGEST + 1))
    assert list(read_resources(str(tmp_path))) == ["logo-a"]
    for number in range(100):
        (tmp_path / f"logo-{number:03}.png").write_bytes(PNG)
    assert len(read_resources(str(tmp_path))) == resources.MOST


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_resources(str(tmp_path / "gone"))
