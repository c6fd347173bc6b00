"""The memory round with each Python, and with the lowest versions of what setup.cfg requires.

``make pythons`` runs both. A Python that this machine does not have is skipped, and nox says so.
"""

from __future__ import annotations

from configparser import ConfigParser

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
MEMORY = ["-m", "not integration and not browser and not sage and not jupyter", "-n", "auto"]

nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False


def lowest_versions() -> list[str]:
    """What setup.cfg requires, each at the lowest version that it allows."""
    metadata = ConfigParser()
    metadata.read("setup.cfg")
    required = metadata["options"]["install_requires"].strip().splitlines()
    return [requirement.replace(">=", "==") for requirement in required]


@nox.session(python=PYTHONS)
def memory(session: nox.Session) -> None:
    """The memory round with the newest versions."""
    session.install("--editable", ".[kernel,test]")
    session.run("pytest", *MEMORY, *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The memory round with the lowest versions, on the lowest Python."""
    session.install("--editable", ".[kernel,test]", *lowest_versions())
    session.run("pytest", *MEMORY, *session.posargs)
