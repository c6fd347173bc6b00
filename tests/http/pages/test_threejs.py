"""The three.js that Sage's scenes need is found beside Sage, and served by this server."""

from __future__ import annotations

from pathlib import Path

from sagecell_tx.http.pages.threejs import NAME, find
from tests.http.world import SiteTests, World

LIBRARY = b"var THREE = {};\n"


def install(prefix: Path, release: str = "r122", installed: tuple[str, ...] = ("r122",)) -> Path:
    """Make a Python with a Sage that needs `release`; returns the path of its interpreter."""
    data = prefix / "lib/python3.11/site-packages/sage/ext_data/threejs"
    data.mkdir(parents=True)
    (data / "threejs-version.txt").write_text(f"{release}\n")
    for each in installed:
        folder = prefix / "share/jupyter/nbextensions/threejs-sage" / each
        folder.mkdir(parents=True)
        (folder / "three.min.js").write_bytes(LIBRARY)
    return prefix / "bin/python"


def test_the_release_that_sage_needs(tmp_path):
    python = install(tmp_path, "r122", ("r122", "r123"))
    found = tmp_path / "share/jupyter/nbextensions/threejs-sage/r122/three.min.js"
    assert find(python) == found


def test_a_python_without_sage_and_a_sage_without_the_library(tmp_path):
    assert find(tmp_path / "bin/python") is None
    assert find(install(tmp_path / "other", "r122", ("r130",))) is None


def test_a_version_is_no_path(tmp_path):
    elsewhere = tmp_path / "three.min.js"
    elsewhere.write_bytes(LIBRARY)
    assert find(install(tmp_path / "prefix", "../../../../..", ())) is None
    assert find(install(tmp_path / "binary", "r122\xe9")) is None


def test_a_link_to_another_python_is_not_followed(tmp_path):
    python = install(tmp_path / "venv")
    python.parent.mkdir()
    (tmp_path / "python3").touch()
    python.symlink_to(tmp_path / "python3")
    assert find(python) is not None


class ThreeJSTests(SiteTests):
    def test_it_is_served(self) -> None:
        """contract: 4.15"""
        python = install(Path(self.mktemp()))
        self.world = World(limits=self.limits, client=self.folder, kernel_python=python)
        answer = self.ask("GET", f"/static/{NAME}", [("Origin", "null")])
        assert (answer.status, answer.body) == (200, LIBRARY)
        assert "javascript" in answer.headers["content-type"]
        assert answer.headers["cache-control"] == "public, max-age=86400"
        assert answer.headers["access-control-allow-origin"] == "null"
        compressed = self.ask("GET", f"/static/{NAME}", [("Accept-Encoding", "gzip")])
        assert compressed.headers["content-encoding"] == "gzip"

    def test_without_sage_there_is_none(self) -> None:
        assert self.ask("GET", f"/static/{NAME}").status == 404
