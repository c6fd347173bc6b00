"""The directory of Sage's own files, and GAP's two workspaces in it.

A workspace is GAP's memory after it has started: with one, GAP starts in a tenth of the time. They
are made once, before the fork, and kernels can only read them.
"""

from __future__ import annotations

import os
import tempfile

#: Sage's libraries start threads for each core, or for their garbage collector, when they are
#: loaded, and threads do not survive a fork.
_ONE_THREAD = {"GC_MARKERS": "1", "SAGE_NUM_THREADS": "1"}


def prepare(directory: str) -> None:
    """Let Sage keep its files in `directory` while it is loaded. Call it before any import."""
    temporary = f"{directory}/tmp"
    os.mkdir(temporary, 0o700)
    os.environ.update(_ONE_THREAD, DOT_SAGE=directory, TMPDIR=temporary)
    tempfile.tempdir = temporary
    os.umask(0o022)  # kernels read the workspaces as other users


def make() -> None:
    """Make the workspaces, and let kernels use them as they are. Call it once Sage is loaded."""
    from sage.interfaces import gap, gp
    from sage.libs.gap.libgap import libgap

    gap.gap_reset_workspace()
    libgap.eval("1+1")  # makes its own when it is first used
    # GAP's start touches its workspace's time, and makes another one where it may not.
    gap.gap_reset_workspace = _keep
    # It would be written to the directory of Sage's own files.
    gp.gp._Expect__logfilename = None


def _keep(*_: object, **__: object) -> None:
    """Instead of `gap_reset_workspace`: the workspace of the fork server is good for kernels."""
