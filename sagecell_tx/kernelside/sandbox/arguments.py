"""The command line of the fork server, and of the program that tries levels of confinement."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from attrs import frozen

from sagecell_tx.kernelside.sandbox.levels import Setting


@frozen(kw_only=True)
class Arguments:
    """The parsed command line: modules to import, the level, its setting, visible directories.

    With `picture_files`, plots are files as well.
    """

    preload: Sequence[str]
    sandbox: str
    setting: Setting
    visible: Sequence[str]
    picture_files: bool


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Parse a command line, by default the program's own; SystemExit for a wrong one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preload", default="", help="modules to import, separated by commas")
    parser.add_argument("--picture-files", action="store_true", help="make files of plots, too")
    parser.add_argument(
        "--sandbox", default="none", choices=("auto", "namespaces", "account", "none")
    )
    parser.add_argument("--kernels", default="/", help="the directory of the kernels' directories")
    parser.add_argument("--hide", action="append", default=[], help="a directory to hide")
    parser.add_argument("--show", action="append", default=[], help="a directory to show")
    parser.add_argument("--accounts", default="0:0", help="the first user id and the count: 1000:5")
    options = parser.parse_args(argv)
    first, _, count = options.accounts.partition(":")
    return Arguments(
        preload=[name for name in options.preload.split(",") if name],
        sandbox=options.sandbox,
        setting=Setting(
            kernels=options.kernels, hidden=options.hide, accounts=(int(first), int(count))
        ),
        visible=options.show,
        picture_files=options.picture_files,
    )
