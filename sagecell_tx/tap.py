"""``twistd sagecell-tx``: the command line, and the only module that imports a reactor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.python import usage
from typing_extensions import override

from sagecell_tx import __version__
from sagecell_tx.assembly.build import build
from sagecell_tx.assembly.logs import log_observer
from sagecell_tx.assembly.workers.keeper import build_keeper
from sagecell_tx.config import Config, ConfigError, load
from sagecell_tx.process.resources import settle
from sagecell_tx.process.systemd import Notifier


class Options(usage.Options):
    """The command line, which overrides the configuration file."""

    synopsis = "[options]"
    longdesc = (
        "Serves live cells for web pages: receives programs over HTTP and WebSocket, runs them in "
        "forked Jupyter kernels, and keeps permalinks and files in a database."
    )
    optParameters: ClassVar[list[list[Any]]] = [  # noqa: N815
        ["config", "c", None, "A TOML file with settings; see docs/operations.rst."],
        ["state-dir", "s", None, "The directory of the database and the kernels' files. [var]"],
        ["baseurl", "b", None, "The prefix of every path, such as /cells. [none]"],
        [
            "sandbox",
            None,
            None,
            "The required confinement of kernels: namespaces, account or none. "
            "[the strictest that works here]",
        ],
        [
            "kernel-python",
            None,
            None,
            "The Python that kernels run in, such as one with Sage. [the server's own]",
        ],
        [
            "node",
            None,
            None,
            "This server's number, from 1 up, if there are several. [none]",
            int,
        ],
        [
            "web-processes",
            None,
            None,
            "How many web processes share the work, each with kernels of its own. [1]",
            int,
        ],
    ]
    optFlags: ClassVar = [  # noqa: N815
        ["permalinks-only", None, "Serve only permalinks: no pages and no kernels."],
        [
            "take-over",
            None,
            "Drain the other servers of the same state directory once this one is up.",
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Serve HTTP on this endpoint; may be repeated. [tcp:8888:interface=127.0.0.1]"""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_version(self) -> None:
        """Show the version of sagecell-tx and exit."""
        print(f"sagecell-tx {__version__}")  # noqa: T201
        raise SystemExit(0)

    @override
    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse the command line. Raises SystemExit with one sentence for a mistake in it.

        Twistd would print all options before the sentence.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            sentence = f"{error}; `twistd sagecell-tx --help` lists the options"
            raise SystemExit(f"sagecell-tx: {sentence}") from error

    @override
    def postOptions(self) -> None:
        """Read the configuration. Raises SystemExit for what is wrong with it."""
        try:
            settings = load(Path(self["config"])) if self["config"] else {}
        except ConfigError as error:
            raise SystemExit(f"sagecell-tx: {error}") from error
        if self["listen"]:
            settings["listen"] = tuple(self["listen"])
        if self["state-dir"]:
            settings["state_dir"] = Path(self["state-dir"])
        if self["baseurl"] is not None:
            settings["baseurl"] = self["baseurl"]
        if self["sandbox"]:
            settings["sandbox"] = self["sandbox"]
        if self["kernel-python"]:
            settings["kernel_python"] = self["kernel-python"]
        if self["permalinks-only"]:
            settings["permalinks_only"] = True
        if self["node"] is not None:
            settings["node"] = self["node"]
        if self["web-processes"] is not None:
            settings["web_processes"] = self["web-processes"]
        if self["take-over"]:
            settings["take_over"] = True
        self.settings = Config(**settings)


def makeService(options: Options) -> IService:  # noqa: N802
    """The server that twistd starts. Raises SystemExit for an invalid setting."""
    from twisted.internet import reactor  # noqa: TID251 - here and nowhere else

    try:
        notifier = Notifier.from_environment()
        make = build if options.settings.web_processes == 1 else build_keeper
        server = make(options.settings, reactor, notifier)
        twistd = getattr(options, "parent", None) or {}
        server.log_observer = log_observer(options.settings.logs, twistd, reactor)
        server.on_up = settle
        return server
    except ConfigError as error:
        raise SystemExit(f"sagecell-tx: {error}") from error
