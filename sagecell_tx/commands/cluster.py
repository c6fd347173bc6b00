"""``sagecell-tx cluster``: commands for servers whose kernels run on several machines."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sagecell_tx.commands.failing import failed
from sagecell_tx.config import ConfigError


def add(commands: Any) -> None:
    """Add the command ``cluster``."""
    cluster = commands.add_parser("cluster", help="commands for kernels on several machines")
    cluster_commands = cluster.add_subparsers(required=True, metavar="COMMAND")
    keys = cluster_commands.add_parser(
        "keys",
        help="make a key and a certificate",
        description="Makes a secret key and its certificate in DIRECTORY, unless it has them already, and "
        "prints the certificate's fingerprint. Run it on each machine. The fingerprint of the web "
        "process's key goes into the setting webs of each agent, and that of an agent's key into "
        "the setting cluster.machines of the web process.",
    )
    keys.add_argument(
        "file", metavar="DIRECTORY", type=Path, help="where the key and the certificate are"
    )
    keys.set_defaults(run=_keys)


def _keys(options: argparse.Namespace) -> int:
    # Only here: the other commands need nothing of it.
    from sagecell_tx.hosts.cluster.connections.identity import KEY, Identity

    if not (options.file / KEY).exists():
        Identity.new("sagecell-tx").write(options.file)
    try:
        print(Identity.read(options.file).fingerprint)  # noqa: T201
    except ConfigError as error:
        return failed(str(error))
    return 0
