"""Programs of installed kernelspecs, at each level: confined as forked kernels are, and clean."""

from __future__ import annotations

import ast
import json
import signal
import textwrap
from typing import Any

import pytest

from tests.kernelside.confined import CONFINING, NONE, at_each, kinds
from tests.kernelside.driving import Beginning, Server
from tests.kernelside.sandbox import searching
from tests.kernelside.sandbox.test_limits import processes_with

pytestmark = [pytest.mark.integration, at_each([*kinds(), NONE])]

MIB = 1 << 20

FORKING = """
import os, time
for _ in range(200):
    os.fork() or time.sleep(600)
time.sleep(600)
"""


def begin(server: Server, code: str, **options: Any) -> Beginning:
    """A kernel whose program is this Python code; its arguments are the connection file."""
    argv = [server.python, "-I", "-c", textwrap.dedent(code), "{connection_file}"]
    return server.begin(argv=argv, **options)


def printed(server: Server, code: str, **options: Any) -> Any:
    """The literal that such a program prints."""
    beginning = begin(server, code, **options)
    text = beginning.printed()
    assert beginning.exited["status"] == 0, text
    return ast.literal_eval(text)


def test_it_is_told_where_to_bind_its_sockets(server: Server) -> None:
    beginning = begin(server, "import sys; print(open(sys.argv[1]).read())")
    told = json.loads(beginning.printed())
    assert told["transport"] == "ipc"
    assert told["key"] == beginning.key
    assert [told[f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")] == [
        *range(1, 6)
    ]


def test_sockets_can_be_bound_there(server: Server) -> None:
    code = """
        import json, os, socket, sys
        place = json.load(open(sys.argv[1]))["ip"]
        for number in range(1, 6):
            socket.socket(socket.AF_UNIX).bind(f"{place}-{number}")
        print(sorted(os.listdir(os.path.dirname(place))))
    """
    names = ["connection.json", *(f"k-{number}" for number in range(1, 6)), "log"]
    assert printed(server, code) == names


def test_it_inherits_nothing(server: Server) -> None:
    """No descriptors, and no variables about the fork server's Python."""
    code = """
        import os
        kinds = [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
        others = set(map(int, os.listdir("/proc/self/fd"))) - {0, 1, 2}
        print([
            [number for number in others if os.path.exists(f"/proc/self/fd/{number}")],
            *(kind.rpartition("/")[2] for kind in kinds), kinds[1] == kinds[2],
            {name for name in os.environ if "PYTHON" in name or "VIRTUAL" in name},
            os.environ["PS1"], os.environ["HOME"] == os.getcwd(),
        ])
    """
    found = printed(server, code, env={"PS1": "$"})
    assert found == [[], "null", "log", "log", True, set(), "$", True]


def test_no_signal_is_ignored(server: Server) -> None:
    argv = ["/bin/sh", "-c", "exec grep -E '^Sig(Ign|Blk)' /proc/self/status", "{connection_file}"]
    beginning = server.begin(argv=argv)
    lines = dict(line.split() for line in beginning.printed().splitlines())
    assert set(lines) == {"SigIgn:", "SigBlk:"}
    # Two are the C library's own: whoever is started by posix_spawn, as make does, ignores one of them.
    own = 1 << 31 | 1 << 32
    assert {int(mask, 16) & ~own for mask in lines.values()} == {0}


def test_it_can_gain_no_privileges(server: Server, kind: Any) -> None:
    code = """
        fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
        print([int(fields[name]) for name in ("NoNewPrivs", "Seccomp")]
              + [int(fields[f"Cap{name}"], 16) for name in ("Prm", "Eff", "Bnd")])
    """
    found = printed(server, code)
    if kind in CONFINING:
        assert found == [1, 2, 0, 0, 0]


def test_another_kernels_files_and_sockets(server: Server, kind: Any) -> None:
    victim = server.start()
    places = [
        f"{victim.directory}/work",
        f"{victim.directory}/ipc",
        *(f"{victim.directory}/ipc/k-{number}" for number in range(1, 6)),
    ]
    code = f"""
        import os, socket
        reached = []
        for place in {places!r}:
            try:
                if os.path.basename(place).startswith("k-"):
                    socket.socket(socket.AF_UNIX).connect(place)
                else:
                    os.listdir(place)
            except OSError:
                continue
            reached.append(place)
        print(reached)
    """
    found = printed(server, code)
    assert found == ([] if kind in CONFINING else places)
    victim.stop()


def test_it_finds_nothing_of_other_kernels(server: Server) -> None:
    """A fork server that had its own program's key would pass it on to the next."""
    first = begin(server, "pass")
    first.printed()
    cell = server.start()
    needles = [first.key, first.directory.name]
    assert ast.literal_eval(cell.value(searching.program(needles))) == {"memory": [], "proc": []}
    needles = [cell.key, cell.directory.name, first.key]
    found = begin(server, searching.printing(needles)).printed()
    assert ast.literal_eval(found) == {"memory": [], "proc": []}
    cell.stop()


def test_the_directory_of_its_sockets_is_bounded(server: Server, kind: Any) -> None:
    """At level namespaces nothing in it reaches the host's disk."""
    code = """
        import os, sys
        place = os.path.dirname(sys.argv[1])
        written = 0
        try:
            with open(f"{place}/large", "wb", 0) as file:
                while written < 2 << 20:
                    written += file.write(bytes(4096))
        except OSError:
            os.truncate(f"{place}/large", 0)
        made = 0
        try:
            while made < 1000:
                open(f"{place}/{made}", "w").close()
                made += 1
        except OSError:
            os.unlink(f"{place}/0")
        print([written, made])
    """
    beginning = begin(server, code)
    written, made = ast.literal_eval(beginning.printed())
    if kind.level == "namespaces":
        assert written <= 64 << 10
        assert made < 64
        assert list((beginning.directory / "ipc").iterdir()) == []


def test_what_it_writes_counts(server: Server) -> None:
    """Where the disk is the host's, the monitor adds up the directory of the sockets too."""
    code = """
        import os, sys, time
        place = os.path.dirname(sys.argv[1])
        try:
            for number in range(40):
                with open(f"{place}/{number}", "wb") as file:
                    file.write(bytes(1 << 20))
            time.sleep(600)
        except OSError:
            os._exit(7)
    """
    beginning = begin(server, code, limits={"directory_bytes": 20 * MIB})
    beginning.printed()
    assert (beginning.exited["status"], beginning.exited["reason"]) in ((7, None), (None, "disk"))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", "cpu"),
        ("hoard = [bytearray(b'x') * (1 << 20) for _ in range(2000)]", "memory"),
        (FORKING, "processes"),
    ],
)
def test_its_limits_are_those_of_all(server: Server, code: str, reason: str) -> None:
    limits = {
        "cpu_seconds": 1 if reason == "cpu" else 600,
        "memory_bytes": 300 * MIB,
        "processes": 40,
    }
    beginning = begin(server, code, limits=limits)
    text = beginning.printed()
    exited = beginning.exited
    # The system refuses, or the monitor ends it.
    is_refused = exited["status"] == 1 and ("MemoryError" in text or "BlockingIOError" in text)
    assert exited["reason"] == reason or is_refused, (exited, text)


def test_all_that_it_started_ends_with_it(server: Server) -> None:
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        os.wait()
        print([])
    """
    marked = begin(server, code.replace("600", "600.0625"))
    assert ast.literal_eval(marked.printed()) == []
    assert processes_with("600.0625") == []


def test_a_start_is_repeated_in_the_same_directory(server: Server) -> None:
    """As when a fork server has ended meanwhile; a program may have run there already."""
    directory = server.directory()
    victim = directory.parent / "victim"
    victim.write_text("Of the server's own.")
    owner = victim.stat().st_uid
    first = begin(server, "print(1)", directory=directory)
    first.printed()
    (directory / "work").rmdir()
    (directory / "work").symlink_to(victim)
    begin(server, "print(2)", directory=directory).words()
    assert victim.stat().st_uid == owner
    (directory / "work").unlink()
    (directory / "work").mkdir(0o700)
    again = server.begin(directory=directory).cell()
    assert again.value("6 * 7") == "42"
    again.stop()
    victim.unlink()


def test_it_can_be_signalled_and_stopped(server: Server) -> None:
    code = """
        import signal, sys, time
        signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
        print("ready", flush=True)
        while True:
            signal.pause()
    """
    beginning = begin(server, code)
    log = beginning.log()
    log.until("ready\n")
    server.tell(op="signal", id=beginning.kernel_id, signal="INT")
    log.until("ready\ninterrupted\n")
    server.tell(op="stop", id=beginning.kernel_id)
    exited = server.event("exited", beginning.kernel_id)
    assert exited["signal"] == signal.SIGKILL
    log.close()


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["/nowhere/kernel", "{connection_file}"], "No such file"),
        (["/etc/nsswitch.conf", "{connection_file}"], "Permission denied"),
    ],
)
def test_a_program_that_cannot_be_started_says_why(
    server: Server, argv: list[str], why: str
) -> None:
    beginning = server.begin(argv=argv)
    words = beginning.words()
    assert words[0] == b"place"
    assert words[1].startswith(b"failed: ")
    assert why in words[1].decode()
    assert server.event("exited", beginning.kernel_id)["status"] == 1
