"""What is said of a container, or another place, that does not allow kernels their namespaces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.accounts import accounts_option

pytestmark = pytest.mark.integration

#: A /proc with a part that is masked, as in a container, in namespaces that anybody can make.
MASKED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
MASK = 'mount -t tmpfs none /proc/acpi 2>/dev/null || mount -t tmpfs none /proc/bus; exec "$0" "$@"'

#: As an engine's own filter of system calls: no user namespace without CAP_SYS_ADMIN. Docker's answers with EPERM.
REFUSE = """
import errno, os, sys
import pyseccomp
from sagecell_tx.kernelside.system import linux
if os.geteuid() == 0:
    linux.prctl(24, 21)  # PR_CAPBSET_DROP, CAP_SYS_ADMIN
refuse = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
refuse.add_rule(pyseccomp.ERRNO(getattr(errno, sys.argv.pop(1))), "unshare")
refuse.load()
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def said(kernels, before, *arguments, level="namespaces"):
    """What the trial of a level says if it is started by the command `before`."""
    trial = ["-P", "-m", "sagecell_tx.kernelside.sandbox.detect", "--sandbox", level]
    done = subprocess.run(
        [*before, *trial, "--kernels", str(kernels), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)["unavailable"]


def test_a_masked_proc_is_named_with_what_unmasks_it(tmp_path):
    sentence = said(tmp_path, [*MASKED, MASK, sys.executable])
    assert sentence == (
        "Kernels cannot have a /proc of their own, since parts of this container's are masked: allow it "
        "with --security-opt unmask=ALL (podman) or --security-opt systempaths=unconfined (Docker)."
    )


@pytest.mark.parametrize("error", ["EPERM", "ENOSYS"])
def test_no_user_namespaces_are_told_with_where_to_allow_them(tmp_path, error):
    sentence = said(tmp_path, [sys.executable, "-c", REFUSE, error])
    assert sentence == (
        "This server's account may not make user namespaces: a container's filter of system calls, or a "
        "setting of Linux, forbids it. Confinement in docs/operations.rst says what to allow."
    )


def test_too_few_user_namespaces_are_told_with_the_setting(tmp_path):
    none_left = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" "$@"'
    sentence = said(tmp_path, [*MASKED, none_left, sys.executable])
    assert sentence == (
        "No more namespaces can be made here: raise the limits user.max_*_namespaces, with sysctl on the machine."
    )


def test_root_without_the_capability_is_told_to_be_somebody_else(tmp_path):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can give up a capability of root, with setpriv")
    before = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", sys.executable]
    sentence = said(tmp_path, before, "--accounts", accounts_option(10))
    assert sentence == (
        "A server that is started as root needs CAP_SYS_ADMIN to give kernels namespaces and accounts of their "
        "own; start it as another user, as the image of deploy/Containerfile can: --user sagecell."
    )


@pytest.mark.parametrize("level", ["namespaces", "account"])
def test_accounts_that_a_container_does_not_have_are_told(tmp_path, level):
    before = ["unshare", "--user", "--map-root-user", sys.executable]
    sentence = said(tmp_path, before, "--accounts", "2000000000:10", level=level)
    assert sentence == (
        "The user ids 2000000000 to 2000000009 do not exist here, as in a container without root: "
        "set accounts to some that do, such as [10_000, 10_000]."
    )
