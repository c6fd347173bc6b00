"""A real sshd on loopback, with keys of its own, for the account that runs the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

from tests.integration.servers import free_port
from tests.integration.waiting import until

#: The program, which is not on everybody's path; None where it is not installed.
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

#: The name of this machine for `ssh`.
HOST = "machine"


class Sshd:
    """Runs in `directory`, whose files ``config`` is that of ssh and scp."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        assert SSHD is not None
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / name],
                check=True,
            )
        public = (self.directory / "host.pub").read_text()
        (self.directory / "known").write_text(f"{HOST} {public}")
        self._write(
            "sshd_config",
            f"""
            Port {self.port}
            ListenAddress 127.0.0.1
            HostKey {self.directory}/host
            AuthorizedKeysFile {self.directory}/user.pub
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            UsePAM no
            StrictModes no
            PidFile none
            Subsystem sftp internal-sftp
            """,
        )
        self._write(
            "config",
            f"""
            Host {HOST}
            HostName 127.0.0.1
            HostKeyAlias {HOST}
            Port {self.port}
            User {getpass.getuser()}
            IdentityFile {self.directory}/user
            IdentitiesOnly yes
            BatchMode yes
            UserKnownHostsFile {self.directory}/known
            StrictHostKeyChecking yes
            """,
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # which sshd changes its root to
        with (self.directory / "sshd.log").open("wb") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self.directory / "sshd_config"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(self._listens)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=60)

    def log(self) -> str:
        """What sshd logged."""
        return (self.directory / "sshd.log").read_text(errors="replace")

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def _write(self, name: str, text: str) -> None:
        lines = (line.strip() for line in text.strip().splitlines())
        (self.directory / name).write_text("\n".join(lines) + "\n")
