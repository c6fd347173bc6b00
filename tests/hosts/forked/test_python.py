"""The setting `kernel_python`: what it names, and whether kernels can run there."""

from __future__ import annotations

import sys

import pytest

from sagecell_tx import __version__
from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.forked.python import KernelPython
from sagecell_tx.hosts.forked.sandbox import run_program


def printing(printed: str, complaints: str = ""):
    return lambda argv: (printed, complaints)


@pytest.fixture
def other(tmp_path):
    """A program that could be another Python."""
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return KernelPython.of(str(path))


def test_without_a_setting_it_is_the_servers_own():
    assert KernelPython.of("").path == sys.executable


def test_its_own_is_not_tried():
    assert KernelPython.of("").check(printing("not a version")) == ""


def test_a_link_stays_since_it_belongs_to_a_virtual_environment(tmp_path, monkeypatch):
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    assert KernelPython.of("python").path == str(tmp_path / "python")


def test_what_is_not_there_is_an_error(tmp_path):
    for path in (tmp_path / "python", tmp_path):
        with pytest.raises(ConfigError, match=f"kernel_python: {path}: there is no such file"):
            KernelPython.of(str(path))


def test_what_is_no_program_is_an_error(tmp_path):
    path = tmp_path / "python"
    path.touch(0o644)
    with pytest.raises(ConfigError, match="this file cannot be executed"):
        KernelPython.of(str(path))


def test_the_same_version_is_accepted(other):
    other.check(printing(__version__, "a warning"))


def test_its_environment_is_known_before_anything_is_loaded(other):
    assert other.check(printing(f"{__version__} sage")) == "sage"


def test_another_version_is_an_error_that_names_both(other):
    with pytest.raises(
        ConfigError, match=f"has sagecell-tx 0.0.1, and this server is {__version__}"
    ):
        other.check(printing("0.0.1"))


def test_one_without_the_kernel_side_is_an_error_that_says_why(other):
    complaints = "Traceback:\n  line\nModuleNotFoundError: No module named 'attrs'\n"
    with pytest.raises(
        ConfigError, match=r"cannot run the kernel side of .* No module named 'attrs'$"
    ):
        other.check(printing("", complaints))
    with pytest.raises(ConfigError, match=r"kernel side of .* It printed nothing\.$"):
        other.check(printing(""))


@pytest.mark.integration
def test_a_real_one_has_the_version(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    packages = {path for path in sys.path if path.endswith("site-packages")}
    (tmp_path / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\n")
    site = tmp_path / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    site.mkdir(parents=True)
    (site / "shared.pth").write_text(
        "\n".join(f"import site; site.addsitedir({p!r})" for p in packages)
    )
    assert KernelPython.of(str(tmp_path / "bin" / "python")).check(run_program) == "python"
