"""Programs that try to get out, at each level that claims to keep them in."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernelside.confined import PROJECT, Kind, confined, kinds
from tests.kernelside.driving import Cell, Server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=kinds(), ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


@pytest.fixture(scope="module")
def server(kind: Kind) -> Iterator[Server]:
    with confined(kind) as server:
        yield server


@pytest.fixture
def cell(server: Server) -> Iterator[Cell]:
    cell = server.start()
    yield cell
    cell.stop()


@pytest.fixture
def victim(server: Server) -> Iterator[Cell]:
    """Another visitor's kernel, with a secret in a file."""
    victim = server.start()
    assert victim.run("open('secret', 'w').write('hers')").reply["status"] == "ok"
    yield victim
    assert victim.value("open('secret').read()") == "'hers'"
    victim.stop()


def refused(cell: Cell, *codes: str) -> None:
    """Each of these raises OSError."""
    for code in codes:
        attempt = f"try:\n    {code}\nexcept OSError as error:\n    print('refused')"
        result = cell.run(f"import os, socket\n{attempt}\nelse:\n    print('done')")
        assert result.text() == "refused\n", (code, result)


def test_confinement_is_what_was_said(server, kind):
    assert server.ready["sandbox"] == kind.level
    assert server.ready["features"][:2] == ["landlock", "seccomp"]


def test_another_kernels_files(cell, victim):
    base = victim.directory.parent
    refused(
        cell,
        f"open('{victim.work}/secret')",
        f"os.listdir('{victim.work}')",
        f"os.listdir('{victim.directory}')",
        f"open('{victim.directory}/work/planted', 'w')",
        f"os.rename('{victim.directory}', '{base}/gone')",
        f"os.chmod('{victim.directory}', 0o777)",
    )
    seen = cell.run(f"import os\ntry: print(os.listdir('{base}'))\nexcept OSError: print([])")
    assert seen.text().strip() == "[]"


def test_another_kernels_sockets(cell, victim):
    """contract: T8"""
    for number in range(1, 6):
        path = f"{victim.directory}/ipc/k-{number}"
        refused(cell, f"socket.socket(socket.AF_UNIX).connect('{path}')")


def test_the_directory_of_its_own_sockets(cell, kind):
    """It is on the host's disk, where nobody bounds what is in it."""
    place = "/run/ipc" if kind.level == "namespaces" else f"{cell.directory}/ipc"
    before = sorted(path.name for path in (cell.directory / "ipc").iterdir())
    assert before == [f"k-{number}" for number in range(1, 6)]
    refused(
        cell,
        f"open('{place}/planted', 'w')",
        f"os.mkdir('{place}/planted')",
        f"os.mkfifo('{place}/planted')",
        f"os.symlink('/', '{place}/planted')",
        f"os.link('{place}/k-1', '{place}/planted')",
        f"os.rename('{place}/k-1', '{place}/planted')",
        f"os.unlink('{place}/k-5')",
        f"os.chmod('{place}', 0o777)",
        f"os.chmod('{place}/k-1', 0o777)",
        f"os.setxattr('{place}', 'user.planted', b'x')",
        f"socket.socket(socket.AF_UNIX).bind('{place}/planted')",
    )
    if kind.level == "account":
        refused(
            cell,
            f"open('{cell.directory}/planted', 'w')",
            f"os.rename('{place}', '{cell.directory}/work/planted')",
        )
    assert sorted(path.name for path in (cell.directory / "ipc").iterdir()) == before


def test_another_kernels_processes(cell, victim, server):
    for pid in (victim.pid, server.process.pid, os.getpid()):
        refused(
            cell,
            f"open('/proc/{pid}/environ').read()",
            f"open('/proc/{pid}/cmdline').read()",
            f"open('/proc/{pid}/mem')",
            f"os.listdir('/proc/{pid}/fd')",
            f"os.listdir('/proc/{pid}/root/tmp')",
            f"os.kill({pid}, 9)",
            f"os.kill({pid}, 2)",
        )
    # Everybody that may be signalled: nobody but what is the kernel's own.
    cell.run("import os\ntry: os.kill(-1, 2)\nexcept BaseException: pass")
    assert cell.value("1 + 1") == "2"


def test_another_kernels_memory(cell, victim):
    """The fork server knew the other's key when it forked; what it forks does not."""
    code = f"""
import gc
found = [thing for thing in gc.get_objects() if type(thing).__name__ == 'Start']
print([start.key == {victim.key.encode()!r} for start in found])
"""
    assert "True" not in cell.run(code).text()


def test_the_fork_servers_pipes(cell, server):
    """contract: T8"""
    code = """
import json, os, stat
for descriptor in range(3, 256):
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, False)
            os.write(descriptor, json.dumps({"event": "exited", "id": "forged"}).encode() + b"\\n")
    except OSError:
        pass
"""
    cell.run(code)
    other = server.start()  # what the fork server says next is about this one
    other.stop()
    assert not any(event.get("id") == "forged" for event in server.unread)


def test_the_servers_files(cell):
    """The checkout may have the database in it; of /etc, secrets are not shown."""
    refused(
        cell,
        f"open('{PROJECT}/setup.cfg')",
        f"os.listdir('{PROJECT}/tests')",
        "open('/etc/shadow')",
        "os.listdir('/root')" if os.getuid() else "open('/root/.bashrc')",
        "os.listdir('/var/lib')",
        "os.listdir('/sys')",
    )


def test_writing_outside(cell):
    refused(
        cell,
        "open('/etc/planted', 'w')",
        "open('/usr/planted', 'w')",
        "open('/planted', 'w')",
        "open('/dev/planted', 'w')",
        "os.mkdir('/home/planted')",
        f"open('{PROJECT}/sagecell_tx/planted.py', 'w')",
        "os.remove('/usr/bin/env')",
        "os.mknod('null', 0o20666, os.makedev(1, 3))",
    )
    name = f"/tmp/planted-{uuid.uuid4()}"
    cell.run(f"open('{name}', 'w').write('x')")
    assert not Path(name).exists()


def test_the_servers_ports(cell):
    """contract: T8"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        refused(cell, f"socket.create_connection(('127.0.0.1', {port}), 1)")
    with socket.socket(socket.AF_UNIX) as listener:
        name = f"\0sagecell-{uuid.uuid4()}"
        listener.bind(name)
        listener.listen()
        refused(cell, f"socket.socket(socket.AF_UNIX).connect({name!r})")


def test_a_network_request(cell):
    code = "socket.create_connection(('192.0.2.1', 80), 1)"
    refused(cell, code, "socket.getaddrinfo('example.org', 80)")


def test_sockets_of_other_families(cell):
    refused(
        cell,
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK: no namespace contains it
        "socket.socket(17, socket.SOCK_RAW)",  # AF_PACKET
        "socket.socket(38, socket.SOCK_SEQPACKET)",  # AF_ALG
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    )


#: System calls by their numbers on x86_64, with arguments that would do something.
CALLS = {
    "ptrace": (101, 0, 0, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0),
    "unshare a user": (272, 0x10000000, 0, 0, 0),
    "clone into a new user": (56, 0x10000011, 0, 0, 0),
    "setns": (308, 0, 0, 0, 0),
    "mount": (165, 0, 0, 0, 0),
    "chroot": (161, 0, 0, 0, 0),
    "keyctl": (250, 0, -3, 0, 0),
    "bpf": (321, 0, 0, 0, 0),
    "userfaultfd": (323, 1, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1),
    "io_uring_setup": (425, 1, 0, 0, 0),
    "init_module": (175, 0, 0, 0, 0),
    "open_by_handle_at": (304, -100, 0, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "pidfd_getfd": (438, 0, 0, 0, 0),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_system_call_that_no_cell_needs(cell, name):
    number, *arguments = CALLS[name]
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall({number}, *map(ctypes.c_long, {arguments})), ctypes.get_errno())
"""
    assert cell.run(code).text().split() == ["-1", "1"]


def test_becoming_somebody_else(cell):
    code = "import os\nfor call in (os.setuid, os.setgid):\n    call({})"
    for user in (0, 65534):
        # Not permitted, or nobody that there is.
        assert cell.run(code.format(user)).reply["ename"] in ("PermissionError", "OSError")
    # A program that would change its user stays who it is.
    before = cell.value("__import__('os').getuid()")
    text = cell.run(
        "import subprocess\nprint(subprocess.run(['su', '-c', 'id'], stdin=-3).returncode)"
    )
    assert text.text().strip() != "0"
    assert cell.value("__import__('os').geteuid()") == before


def test_a_link_to_what_is_not_the_visitors(cell):
    result = cell.run("import os\nos.symlink('/etc/passwd', 'mine')\nos.symlink('/', 'all')")
    assert "symbolic link" in result.text("stderr")
    assert result.of("sagecell_file") == []
