"""What is asked of each version of Landlock. That it restricts is in `test_escapes`."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.sandbox import landlock


@pytest.mark.parametrize(("version", "flags"), [(1, 0), (6, 0), (7, 1), (8, 1)])
def test_what_is_denied_is_not_in_the_audit_log(version, flags):
    """It would be from version 7 on, for each try of a program."""
    assert landlock.flags(version) == flags
