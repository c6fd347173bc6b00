"""Both ways to fork into namespaces make the same ones, owned by the same."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import Any

import pytest

from sagecell_tx.kernelside.system import borrowing

pytestmark = pytest.mark.integration

WAYS = [
    "with_copies",
    pytest.param(
        "with_borrowed_memory",
        marks=pytest.mark.skipif(
            not borrowing.available(), reason="memory cannot be lent with this C library"
        ),
    ),
]

#: Describes the namespaces of what is forked. An owner is named by the first that has it.
PROGRAM = """
import encodings.ascii  # which an account may be unable to read
import ctypes, fcntl, json, os, sys
from sagecell_tx.kernelside.sandbox.namespaces import forking
from sagecell_tx.kernelside.system import linux, processes

way, account = sys.argv[1], int(sys.argv[2]) or None
NS_GET_USERNS, NS_GET_PARENT = 0xB701, 0xB702
KINDS = "user", "pid", "ipc", "net", "mnt", "uts", "cgroup", "time"
processes.adopt_orphans()
waiting, write_end = os.pipe()

told, tell = os.pipe()
server = os.getpid()
os.register_at_fork(after_in_parent=lambda: sum(range(3_000_000)))  # the process in between is slow to end

def run():
    parent = int(open("/proc/self/stat").read().rpartition(")")[2].split()[1])
    # The C library reads in its memory on which processor it runs, which Linux writes there.
    libc, right = ctypes.CDLL(None), []
    for processor in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {processor})
        right.append(libc.sched_getcpu() == processor)
    os.write(tell, json.dumps([parent == server, all(right)]).encode())
    os.close(write_end)
    os.read(waiting, 1)

def inode(descriptor):
    return os.fstat(descriptor).st_ino

pid = getattr(forking, way)(account, {"shmmni": "77"}, run)
opened = {kind: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in KINDS}
user = inode(opened["user"])
around = inode(fcntl.ioctl(opened["user"], NS_GET_PARENT))
ours = os.stat("/proc/self/ns/user").st_ino
names = {user: "own", around: "around", ours: "ours"}
status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
described = {
    "new": [kind for kind in KINDS if inode(opened[kind]) != os.stat(f"/proc/self/ns/{kind}").st_ino],
    "owners": {kind: names[inode(fcntl.ioctl(opened[kind], NS_GET_USERNS))] for kind in KINDS[1:6]},
    "outside": inode(fcntl.ioctl(fcntl.ioctl(opened["user"], NS_GET_PARENT), NS_GET_PARENT)) == ours,
    "map": open(f"/proc/{pid}/uid_map").read().split(),
    "groups": [open(f"/proc/{pid}/setgroups").read(), open(f"/proc/{pid}/gid_map").read().split()],
    "status": {name: status[name].split() for name in (
        "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Threads",
        "SigBlk", "SigIgn")},
    "first": status["NSpid"].split()[1:],
    "parent": int(status["PPid"]) == os.getpid(),
    "left": [each for each in open(f"/proc/self/task/{os.getpid()}/children").read().split() if each != str(pid)],
    "dumpable": os.stat(f"/proc/{os.getpid()}/environ").st_uid == os.getuid(),
    "still": [os.getuid(), os.getgid()],
}
described["adopted"], described["processor"] = json.loads(os.read(told, 100))
os.close(write_end)
described["status of the end"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps(described))
"""


def described(way: str, account: int) -> dict[str, Any]:
    """What the program says of a process that is forked so."""
    argv = [sys.executable, "-P", "-c", PROGRAM, way, str(account)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("account", [0, 70_123] if os.getuid() == 0 else [0])
def test_what_is_forked_is_the_first_in_namespaces_of_its_own(way, account):
    forked = described(way, account)
    assert forked["new"] == ["user", "pid", "ipc", "net", "mnt", "uts"]
    own = dict.fromkeys(("pid", "net", "mnt", "uts"), "own")
    assert forked["owners"] == {**own, "ipc": "around"}
    assert forked["outside"]
    assert forked["first"] == ["1"]
    assert forked["adopted"]  # before it does anything: it is going to end with its parent
    assert forked["parent"]
    assert forked["left"] == []
    assert forked["status"]["Uid"] == [str(account or os.getuid())] * 4
    assert forked["still"] == [os.getuid(), os.getgid()]
    assert forked["dumpable"]
    if way == "with_copies" or platform.machine() == "x86_64":  # elsewhere the address is not known
        assert forked["processor"]
    assert forked["status of the end"] == 1


@pytest.mark.skipif(not borrowing.available(), reason="there is one way only")
@pytest.mark.parametrize("account", [0, 70_123] if os.getuid() == 0 else [0])
def test_both_ways_make_the_same(account):
    borrowed, copied = described("with_borrowed_memory", account), described("with_copies", account)
    if platform.machine() != "x86_64":  # the processor: see above
        borrowed["processor"] = copied["processor"]
    assert borrowed == copied


#: Prints whose child a process is when it begins to run, as often as there are processes.
BEGINNING = """
import os, sys
from sagecell_tx.kernelside.sandbox.namespaces import forking
from sagecell_tx.kernelside.system import processes

processes.adopt_orphans()
read_end, write_end = os.pipe()

def run():
    with open("/proc/self/status") as file:  # as seen from outside of its PID namespace
        (parent,) = [line.split()[1] for line in file if line.startswith("PPid")]
    os.write(write_end, f"{parent} ".encode())

for _ in range(50):
    os.waitpid(getattr(forking, sys.argv[1])(None, {}, run), 0)
os.close(write_end)
print({int(each) for each in os.read(read_end, 4096).split()} == {os.getpid()})
"""


@pytest.mark.parametrize("way", WAYS)
def test_it_does_not_run_before_it_is_this_processs_child(way):
    # It asks Linux to kill it when its parent ends, which is not to be the process in between.
    argv = [sys.executable, "-P", "-c", BEGINNING, way]
    assert subprocess.check_output(argv, text=True) == "True\n"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_an_account_that_there_cannot_be_is_an_error(way):
    program = (
        "import sys\nfrom sagecell_tx.kernelside.sandbox.namespaces import forking\n"
        "try:\n    getattr(forking, sys.argv[1])(2**32 - 1, {}, print)\n"
        "except OSError as error:\n    print(error.strerror, error.filename)"
    )
    argv = [sys.executable, "-P", "-c", program, way]
    assert subprocess.check_output(argv, text=True) == "Invalid argument None\n"
