"""Programs that try to escape, at each level of confinement."""

from __future__ import annotations

import errno
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyseccomp import Arch, resolve_syscall

from sagecell_tx.kernelside.sandbox.callnames import NUMBERS
from tests.kernelside.confined import CONFINING, PROJECT, at_each
from tests.kernelside.driving import Cell, Server

pytestmark = [pytest.mark.integration, at_each(CONFINING)]


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
    """The directory of the sockets is on the host's disk, without a limit."""
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
    # All processes that it may signal: only the kernel's own.
    cell.run("import os\ntry: os.kill(-1, 2)\nexcept BaseException: pass")
    assert cell.value("1 + 1") == "2"


def test_the_fork_servers_pipes(cell, server):
    """contract: T8"""
    code = """
import json, os, stat
for descriptor in range(3, 256):
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.set_blocking(descriptor, False)
            os.write(descriptor, json.dumps({"event": "exited", "id": 12345}).encode() + b"\\n")
    except OSError:
        pass
"""
    cell.run(code)
    other = server.start()  # so that events about the fake kernel would have arrived
    other.stop()
    assert not any(event.get("id") == 12345 for event in server.unread)


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


#: Calls by name, with arguments that would have an effect, and the error. `test_seccomp.py` tests
#: the filter itself; here it is in force.
CALLS = {
    "ptrace": ("ptrace", 0, 0, 0, 0),
    "read another's memory": ("process_vm_readv", 1, 0, 0, 0),
    "unshare a user": ("unshare", 0x10000000),
    "clone into a new user": ("clone", 0x10000011, 0, 0, 0),
    "setns": ("setns", 0, 0),
    "mount": ("mount", 0, 0, 0, 0),
    "chroot": ("chroot", 0),
    "keyctl": ("keyctl", 0, -3, 0, 0),
    "bpf": ("bpf", 0, 0, 0, 0),
    "userfaultfd": ("userfaultfd", 1),
    "perf_event_open": ("perf_event_open", 0, 0, -1, -1),
    "io_uring_setup": ("io_uring_setup", 1, 0),
    "init_module": ("init_module", 0, 0, 0),
    "open_by_handle_at": ("open_by_handle_at", -100, 0, 0),
    "kexec_load": ("kexec_load", 0, 0, 0),
    "pidfd_getfd": ("pidfd_getfd", 0, 0, 0),
    "pidfd_open of itself": ("pidfd_open", "os.getpid()", 0),
    "process_mrelease": ("process_mrelease", 0, 0),
    "migrate_pages": ("migrate_pages", 0, 0, 0, 0),
    "mbind": ("mbind", 0, 0, 0, 0),
    "listmount": ("listmount", 0, 0, 0, 0),
    "statmount": ("statmount", 0, 0, 0, 0),
    "open_tree_attr": ("open_tree_attr", 0, 0, 0, 0, 0),
    "fanotify_mark": ("fanotify_mark", 0, 0, 0, 0, 0),
    "write out all files": ("sync",),
    "io_setup": ("io_setup", 1, 0),
    "let everybody wait who opens a file": ("fcntl", 0, 1024, 1),
    "let everybody wait who changes a directory": ("fcntl", 0, 1040, 0),
    "watch a directory without inotify": ("fcntl", 0, 1026, 0x20),
    "type into a terminal": ("ioctl", 0, 0x5412, 0),
    "type into a terminal, with other bits above": ("ioctl", 0, 0x100005412, 0),
    "load a line discipline": ("ioctl", 0, 0x5423, 0),
    "be undumpable": ("prctl", 4, 0, 0, 0, 0),
    "have its code elsewhere": ("prctl", 35, 0, 0, 0, 0),
}

#: Calls that this Linux does not have, as far as programs can tell.
ABSENT = {
    "clone3": ("clone3", 0, 0),
    "memory without a name": ("memfd_create", 0, 0),
    "memory that nobody sees": ("memfd_secret", 0),
    "memory left in a pipe": ("vmsplice", 0, 0, 0, 0),
    "a page left in a socket": ("splice", 0, 0, 0, 0, 0, 0),
    "a page left twice": ("tee", 0, 0, 0, 0),
    "see who opens a file": ("inotify_init1", 0),
    "no call": (9999,),
    "a call of x32": (0x40000000 | 39,),
    "be another system": ("personality", 8),
    "an option of prctl's that there is not": ("prctl", 255, 0, 0, 0, 0),
}

#: Sockets that would load a module, or speak to another part of Linux.
SOCKETS = {
    "SCTP": ("AF_INET", "SOCK_STREAM", 132),
    "SCTP by its kind": ("AF_INET6", "SOCK_SEQPACKET", 0),
    "L2TP": ("AF_INET", "SOCK_DGRAM", 115),
    "DCCP": ("AF_INET", 6, 0),
    "MPTCP": ("AF_INET", "SOCK_STREAM", 262),
    "the audit's netlink": ("AF_NETLINK", "SOCK_RAW", 9),
    "the packet filter's netlink": ("AF_NETLINK", "SOCK_RAW", 12),
}


def error_of(cell: Cell, call: str | int, *arguments: int | str) -> str:
    """The name of the error that a call ends with, made by its number."""
    number = call if isinstance(call, int) else resolve_syscall(Arch.NATIVE, call)
    number = NUMBERS[str(call)] if number == -1 else number
    values = ", ".join(f"ctypes.c_long({argument})" for argument in arguments)
    code = f"""
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall(ctypes.c_long({number}), {values})
print(errno.errorcode[ctypes.get_errno()] if result == -1 else result)
"""
    return cell.run(code).text().strip()


@pytest.mark.parametrize("name", CALLS)
def test_a_system_call_that_no_cell_needs(cell, name):
    assert error_of(cell, *CALLS[name]) == "EPERM"


@pytest.mark.parametrize("name", ABSENT)
def test_a_system_call_that_nobody_knows(cell, name):
    assert error_of(cell, *ABSENT[name]) == "ENOSYS"


@pytest.mark.parametrize("name", SOCKETS)
def test_a_protocol_that_no_cell_needs(cell, kind, name):
    family, *others = SOCKETS[name]
    arguments = ", ".join(
        f"socket.{each}" if isinstance(each, str) else str(each) for each in others
    )
    code = f"import socket\nsocket.socket(socket.{family}, {arguments})"
    wanted = "EPROTONOSUPPORT" if kind.level == "namespaces" else "EAFNOSUPPORT"
    assert cell.run(code).reply["evalue"].startswith(f"[Errno {getattr(errno, wanted)}]")


def test_becoming_somebody_else(cell):
    code = "import os\nfor call in (os.setuid, os.setgid):\n    call({})"
    for user in (0, 65534):
        # Not permitted, or an id that is not mapped.
        assert cell.run(code.format(user)).reply["ename"] in ("PermissionError", "OSError")
    # A setuid program does not change its user.
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
