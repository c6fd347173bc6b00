"""The filter of system calls, run without making any."""

from __future__ import annotations

import itertools
import socket

import pyseccomp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.sandbox import callnames
from sagecell_tx.kernelside.sandbox.seccomp import all_but
from sagecell_tx.kernelside.system import linux
from tests.kernelside.sandbox.machine import ALLOWED, DONE, I386, answer, compiled

#: Numbers of removed or never implemented calls: Linux itself answers ENOSYS.
GONE = (
    *("_sysctl", "afs_syscall", "create_module", "epoll_ctl_old", "epoll_wait_old"),
    *("get_kernel_syms", "get_thread_area", "getpmsg", "lookup_dcookie", "nfsservctl", "putpmsg"),
    *("query_module", "security", "set_thread_area", "tuxcall", "uselib", "vserver"),
)

#: One for each kernel with a network of its own, one for each without.
NETWORKS = (True, False)

#: The upper half of a register, where an argument is an int.
GARBAGE = 0xDEADBEEF << 32


def number(name: str) -> int:
    """The call's number on this architecture; negative if there is none."""
    found: int = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return found if found != -1 else callnames.NUMBERS.get(name, -1)


def asked(name: str, *arguments: int, own_network: bool = True) -> str:
    return answer(compiled(own_network=own_network), number(name), *arguments)


def test_each_call_is_in_one_list():
    lists = ("ALLOWED", "BY_ARGUMENTS", "SHARED", "REFUSED", "UNSUPPORTED", "ABSENT")
    names = [name for each in lists for name in getattr(callnames, each)]
    assert len(names) == len(set(names))
    assert not set(names) & set(GONE)


def test_each_call_that_libseccomp_knows_is_in_a_list():
    """May fail with a newer libseccomp, whose new calls have to be listed then."""
    named = {*callnames.ALLOWED, *callnames.BY_ARGUMENTS, *callnames.SHARED, *callnames.REFUSED}
    named |= {*callnames.UNSUPPORTED, *callnames.ABSENT, *GONE}
    known = set()
    for each in range(1024):
        try:
            known.add(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, each).decode())
        except ValueError:
            continue  # no call has the number
    assert len(known) > 300
    assert known - named == set()


def test_newer_numbers_are_those_that_libseccomp_has():
    for name, expected in callnames.NUMBERS.items():
        found = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        assert found in (expected, -1), name


@pytest.mark.parametrize("own_network", NETWORKS)
def test_every_number_has_the_answer_of_its_list(own_network):
    shared = ALLOWED if own_network else "EPERM"
    for names, expected in (
        (callnames.ALLOWED, ALLOWED),
        (callnames.SHARED, shared),
        (callnames.REFUSED, "EPERM"),
        (callnames.UNSUPPORTED, "ENOTSUP"),
        (callnames.ABSENT, "ENOSYS"),
        (GONE, "ENOSYS"),
    ):
        for name in names:
            if number(name) >= 0:
                assert asked(name, own_network=own_network) == expected, name


@pytest.mark.parametrize("own_network", NETWORKS)
def test_an_unknown_number_is_a_call_that_there_is_not(own_network):
    named = [*callnames.ALLOWED, *callnames.SHARED, *callnames.REFUSED, *callnames.BY_ARGUMENTS]
    named += callnames.UNSUPPORTED
    known = {number(name) for name in named}
    program = compiled(own_network=own_network)
    for each in (*range(2048), 9999, 0x3FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        if each not in known:
            assert answer(program, each) == "ENOSYS", each


@pytest.mark.parametrize("own_network", NETWORKS)
def test_calls_of_other_architectures(own_network):
    """x32 are those of x86-64 with a bit; another architecture has other numbers."""
    program = compiled(own_network=own_network)
    for each in range(1024):
        assert answer(program, 0x40000000 | each) == "ENOSYS"
        assert answer(program, each, architecture=I386) == "ENOSYS"


def test_new_namespaces():
    fork, thread = 0x01200011, 0x003D0F00
    for flags in (fork, thread, fork | GARBAGE):
        assert asked("clone", flags) == ALLOWED
    for flag in (1 << bit for bit in range(32)):
        new = flag in (
            *(linux.CLONE_NEWNS, linux.CLONE_NEWUTS, linux.CLONE_NEWIPC, linux.CLONE_NEWUSER),
            *(linux.CLONE_NEWPID, linux.CLONE_NEWNET, linux.CLONE_NEWCGROUP),
        )
        alone = flag in (linux.CLONE_FILES, linux.CLONE_PARENT)
        for flags in (flag, flag | fork, flag | GARBAGE):
            expected = "EPERM" if new or alone else ALLOWED
            assert asked("clone", flags) == expected, hex(flags)
    assert asked("clone", 0x7E020000) == "EPERM"


def test_all_processes_stay_below_their_kernel():
    """Else the monitor would not count them to it."""
    for flags in (linux.CLONE_PARENT, linux.CLONE_PARENT | 17, linux.CLONE_PARENT | 0x3D0F00):
        assert asked("clone", flags) == asked("clone", flags | GARBAGE) == "EPERM"
    adopting = 36  # PR_SET_CHILD_SUBREAPER
    for garbage in (0, GARBAGE):
        assert asked("prctl", adopting | garbage, 0) == "EPERM"
        assert asked("prctl", adopting | garbage, 1) == ALLOWED


def test_only_threads_share_descriptors():
    """Else the locks of a process that has ended could be those of another."""
    files, thread, space = linux.CLONE_FILES, linux.CLONE_THREAD, linux.CLONE_NEWNS
    for flags in (thread, files | thread, 0x100 | 0x4000 | 17):
        assert asked("clone", flags) == asked("clone", flags | GARBAGE) == ALLOWED
    for flags in (files, files | 0x100, files | 17, files | space, files | thread | space):
        assert asked("clone", flags) == asked("clone", flags | GARBAGE) == "EPERM"


def test_what_would_take_memory_that_nobody_counts():
    for name in (
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "setxattrat",
    ):  # lists of access: 64 KiB each
        assert asked(name) == "ENOTSUP"
    for name in ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"):
        assert asked(name) == "ENOSYS"
    for name in ("splice", "sendfile"):  # a byte in a socket keeps a page of a file
        assert asked(name) == "ENOSYS"
    assert asked("seccomp") == "ENOSYS"
    assert asked("prctl", 22) == asked("prctl", 22 | GARBAGE) == "EINVAL"  # PR_SET_SECCOMP
    for command in (36, 37, 38):  # locks of open files, which are no process's
        assert asked("fcntl", 0, command) == asked("fcntl", 0, command | GARBAGE) == "EINVAL"
    for command in (5, 6, 7):
        assert asked("fcntl", 0, command) == ALLOWED


def test_requests_to_devices():
    requests = (0x5412, 0x541C, 0x5423, 0x8940, 0x8941, 0x8982, 0x8983, 0x89A0, 0x89A1)
    for refused in requests:
        for upper in (0, 0x10000, 0xFFFF0000, GARBAGE):
            assert asked("ioctl", 0, refused | upper) == "EPERM"
    terminals = (0x5401, 0x5402, 0x5413, 0x5414, 0x80045430, 0x40045431, 0x5441, 0x540E, 0x541B)
    for request in (*terminals, 0xFFFFFFFF80045430, 0x40049409, 0x8910):
        assert asked("ioctl", 0, request) == ALLOWED, hex(request)
    allowed = [request for request in range(1 << 16) if asked("ioctl", 0, request) == ALLOWED]
    assert len(allowed) == (1 << 16) - len(requests)


def test_commands_to_descriptors():
    for command in callnames.COMMANDS:
        assert asked("fcntl", 0, command) == asked("fcntl", 0, command | GARBAGE) == ALLOWED
    for command in callnames.REFUSED_COMMANDS:
        assert asked("fcntl", 0, command) == asked("fcntl", 0, command | GARBAGE) == "EPERM"
    for command in callnames.UNKNOWN_COMMANDS:
        assert asked("fcntl", 0, command) == asked("fcntl", 0, command | GARBAGE) == "EINVAL"
    lists = (callnames.COMMANDS, callnames.REFUSED_COMMANDS, callnames.UNKNOWN_COMMANDS)
    named = set().union(*lists)
    assert len(named) == sum(map(len, lists))
    for command in {*range(64), *range(1000, 1100), 0x7FFFFFFF} - named:
        assert asked("fcntl", 0, command) == "ENOSYS", command


def test_personalities():
    for persona in (0xFFFFFFFF, -1, 0, 0x0040000, 0x0400000, 0x0440000):
        assert asked("personality", persona) == ALLOWED, hex(persona)
    for persona in (8, 0x20000, 0x0040008, 0x0100000, 0xFFFFFFFE, 0x8000000):
        assert asked("personality", persona) == "ENOSYS", hex(persona)


def test_options_of_prctl():
    for option in callnames.OPTIONS:
        assert asked("prctl", option) == asked("prctl", option | GARBAGE) == ALLOWED, option
    for option in callnames.REFUSED_OPTIONS:
        assert asked("prctl", option) == asked("prctl", option | GARBAGE) == "EPERM", option
    for option in callnames.UNKNOWN_OPTIONS:
        assert asked("prctl", option) == asked("prctl", option | GARBAGE) == "EINVAL", option
    lists = (callnames.OPTIONS, callnames.REFUSED_OPTIONS, callnames.UNKNOWN_OPTIONS)
    named = {callnames.DUMPABLE, callnames.ADOPTING}.union(*lists)
    assert len(named) == sum(map(len, lists)) + 2
    for option in {*range(256), 0x7FFFFFFF} - named:
        assert asked("prctl", option) == "ENOSYS", option


def test_a_process_stays_one_that_can_be_looked_at():
    assert asked("prctl", 4, 1) == ALLOWED
    for value in (0, 2, 1 | GARBAGE):
        assert asked("prctl", 4, value) == asked("prctl", 4 | GARBAGE, value) == "EPERM"


def test_equal_pages_are_not_merged():
    """As with PR_SET_MEMORY_MERGE, whose page it was would be told by how long it takes to write to it."""
    mergeable = 12
    assert asked("madvise", 0, 0, mergeable) == "EINVAL"
    assert asked("madvise", 0, 0, mergeable | GARBAGE) == "EINVAL"
    for advice in {*range(104), 0xFFFFFFFF} - {mergeable}:
        assert asked("madvise", 0, 0, advice) == ALLOWED


def test_the_limit_of_core_dumps():
    """With any other value, Linux may start a program of the machine's, as root, when a process crashes."""
    core, place = 4, 0x7F0000001000
    for garbage in (0, GARBAGE):
        assert asked("prlimit64", 0, core | garbage, place, 0) == DONE
        assert asked("setrlimit", core | garbage, place) == DONE
        assert asked("prlimit64", 0, core | garbage, 0, place) == ALLOWED
    for what in {*range(100), 0xFFFFFFFF} - {core}:
        assert asked("prlimit64", 0, what, place, 0) == asked("setrlimit", what, place) == ALLOWED


FAMILIES = (*range(64), 1 << 31, 0xFFFFFFFF, *(GARBAGE | family for family in range(64)))
KINDS = tuple(range(16))
FLAGS = (0, socket.SOCK_CLOEXEC, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
PROTOCOLS = (*range(300), 0xFFFFFFFF, GARBAGE, GARBAGE | 6)


@pytest.mark.parametrize("own_network", NETWORKS)
def test_sockets(own_network):
    internet = {socket.AF_INET, socket.AF_INET6} if own_network else set()
    for family, kind, flags in itertools.product(FAMILIES, KINDS, FLAGS):
        for protocol in PROTOCOLS if family in (*internet, socket.AF_NETLINK) else (0, 6):
            got = asked("socket", family, kind | flags, protocol, own_network=own_network)
            if family == socket.AF_UNIX:
                expected = ALLOWED
            elif family in internet:
                known = kind in (1, 2) and protocol in (0, 6, 17)
                expected = ALLOWED if known else "EPROTONOSUPPORT"
            elif family == socket.AF_NETLINK and own_network:
                expected = "EPROTONOSUPPORT" if protocol else ALLOWED
            else:
                expected = "EAFNOSUPPORT"
            assert got == expected, (family, kind, flags, protocol)


def test_options_of_sockets():
    """Filters of sockets take memory of which all programs of the machine have one amount."""
    attach, attach_reuseport = 26, 51
    for option in (attach, attach_reuseport):
        for garbage in (0, GARBAGE):
            options = (0, socket.SOL_SOCKET | garbage, option | garbage)
            assert asked("setsockopt", *options) == "EPERM"
            # IPV6_V6ONLY and IPV6_RECVHOPLIMIT
            options = (0, socket.IPPROTO_IPV6 | garbage, option | garbage)
            assert asked("setsockopt", *options) == ALLOWED
    for level in (socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.IPPROTO_TCP):
        for option in (*range(200), 0x7FFFFFFF, 0xFFFFFFFF):
            if option not in (attach, attach_reuseport):
                assert asked("setsockopt", 0, level, option) == ALLOWED, (level, option)
                assert asked("setsockopt", 0, level, option | GARBAGE) == ALLOWED


@pytest.mark.parametrize("own_network", NETWORKS)
def test_pairs_of_sockets(own_network):
    for family in FAMILIES:
        expected = ALLOWED if family == socket.AF_UNIX else "EAFNOSUPPORT"
        assert asked("socketpair", family, own_network=own_network) == expected


@given(st.sets(st.integers(0, 255), min_size=1, max_size=5))
def test_all_numbers_but_some(values):
    pairs = list(all_but(values, 8))
    for each in range(256):
        matches = sum(each & mask == value for mask, value in pairs)
        assert matches == (each not in values)


@pytest.mark.parametrize("own_network", NETWORKS)
def test_it_stays_small(own_network):
    """Linux takes 4,096 instructions; most calls it has then answered from a table of its own."""
    assert len(compiled(own_network=own_network)) < 1200
