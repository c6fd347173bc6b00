"""The program that finds the level of confinement."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.accounts import accounts_option

pytestmark = pytest.mark.integration


def tried(kernels, *arguments):
    """Its answer, its stderr and its exit status."""
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "sagecell_tx.kernelside.sandbox.detect",
            "--kernels",
            str(kernels),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout), done.stderr, done.returncode


def test_none_can_always_be_had(tmp_path):
    answer, complaints, status = tried(tmp_path, "--sandbox", "none")
    assert (answer, complaints, status) == ({"sandbox": "none", "features": []}, "", 0)


def test_the_highest_that_works_is_chosen(tmp_path):
    tmp_path.chmod(0o711)
    answer, _, status = tried(tmp_path, "--sandbox", "auto", "--accounts", accounts_option(10))
    assert status == 0
    assert answer["sandbox"] == "namespaces"
    assert "landlock" in answer["features"]


def test_what_was_tried_leaves_nothing(tmp_path):
    tmp_path.chmod(0o711)
    tried(tmp_path, "--sandbox", "namespaces", "--accounts", accounts_option(10))
    assert os.listdir(tmp_path) == []


def test_a_level_that_cannot_be_had_says_why(tmp_path):
    answer, complaints, status = tried(tmp_path, "--sandbox", "account", "--accounts", "0:0")
    assert status == 1
    assert answer["unavailable"] == (
        "Accounts for kernels need a server that is started as root, and the setting accounts."
    )
    assert complaints.startswith("account: ")
    assert "Traceback" not in complaints


def test_accounts_that_cannot_reach_the_directory_say_so(tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    answer, _, status = tried(private, "--sandbox", "account", "--accounts", accounts_option(10))
    assert status == 1
    assert "lacks the permission o+x" in answer["unavailable"] or "as root" in answer["unavailable"]
