"""GAP's workspaces: made once, and read by every kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.sage


@pytest.fixture
def scratch(cell) -> Path:
    """The fork server's scratch directory, which is Sage's own directory for its kernels."""
    return Path(eval(cell.value("import sage.env; sage.env.DOT_SAGE")))


def files(scratch: Path) -> dict[str, int]:
    """The files in it, and when each was last changed."""
    return {path.name: path.stat().st_mtime_ns for path in scratch.rglob("*") if path.is_file()}


def test_others_may_read_them(scratch):
    found = [path for path in scratch.rglob("*workspace*") if path.is_file()]
    assert {path.name.partition("-")[0] for path in found} == {"gap", "libgap"}
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in found)
    assert scratch.stat().st_mode & 0o005 == 0o005


def test_their_path_is_short_enough_for_gap(scratch):
    assert all(len(str(path)) <= 82 for path in scratch.rglob("gap-workspace*"))


def test_a_kernel_uses_them_and_writes_nothing(cell, scratch):
    code = "sage.interfaces.gap.gap_reset_workspace(); sage.interfaces.gap.gap_reset_workspace.__module__"
    assert cell.value(code) == "'sagecell_tx.kernelside.sagemath.workspaces'"
    before = files(scratch)
    assert cell.value("gap.eval('1+1'), gp.eval('1+1')") == "('2', '2')"
    assert files(scratch).keys() == before.keys()
