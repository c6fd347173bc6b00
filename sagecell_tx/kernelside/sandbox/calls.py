"""Which system calls a kernel may make: all but those that no cell needs.

The filter is made once, by libseccomp, and installed in each kernel as it stands.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import tempfile

from attrs import frozen

from sagecell_tx.kernelside import linux

#: Other processes, the system as a whole, and the parts of Linux that most holes were in.
_FORBIDDEN = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp"),
    *("pidfd_getfd", "perf_event_open", "userfaultfd", "bpf", "fanotify_init", "lookup_dcookie"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("mount", "umount2", "umount", "pivot_root", "move_mount", "open_tree", "mount_setattr"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "chroot", "swapon", "swapoff", "quotactl"),
    *("quotactl_fd", "open_by_handle_at", "name_to_handle_at", "acct", "nfsservctl"),
    *("unshare", "setns", "add_key", "keyctl", "request_key"),
    *("init_module", "finit_module", "delete_module", "create_module", "kexec_load"),
    *("kexec_file_load", "reboot", "syslog", "settimeofday", "clock_settime", "clock_adjtime"),
    *("adjtimex", "sethostname", "setdomainname", "vhangup", "ioperm", "iopl", "modify_ldt"),
    *("personality", "uselib", "ustat", "sysfs", "_sysctl", "vm86", "vm86old"),
)

#: Without a namespace for them, they would be shared and outlive the kernel.
_SHARED = ("shmget", "msgget", "semget", "mq_open")

#: Memory that is nowhere to be counted.
_HIDING = ("memfd_create", "memfd_secret", "vmsplice")

_NEW_NAMESPACES = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUSER
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWCGROUP
)

_TIOCSTI = 0x5412  # writes into the terminal that one has


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


@frozen
class Filter:
    """A compiled filter."""

    _instructions: bytes

    def install(self) -> None:
        """Filter this thread's calls from now on; takes PR_SET_NO_NEW_PRIVS."""
        program = _Program(len(self._instructions) // 8, self._instructions)
        linux.prctl(
            linux.PR_SET_SECCOMP,
            linux.SECCOMP_MODE_FILTER,
            ctypes.cast(ctypes.byref(program), ctypes.c_void_p),
        )


def compile_filter(*, own_network: bool) -> Filter | None:
    """The filter for kernels; None where libseccomp is not installed.

    Without a network of its own, a kernel gets no sockets but UNIX ones, and nothing of
    System V.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, OSError, RuntimeError):
        return None
    refuse = seccomp.ERRNO(errno.EPERM)
    calls = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    for name in (*_FORBIDDEN, *(() if own_network else _SHARED)):
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
            calls.add_rule(refuse, name)
    calls.add_rule(
        refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, linux.CLONE_NEWUSER, linux.CLONE_NEWUSER)
    )
    for bit in range(64):
        flag = 1 << bit
        if flag & _NEW_NAMESPACES and flag != linux.CLONE_NEWUSER:
            calls.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    # Its flags are in memory, where no filter can look: the C library then takes clone.
    calls.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # Memory that the watch cannot see once its descriptor was sent and closed, or its page is in
    # a pipe. Libraries that are told so take files in /dev/shm, which are bounded.
    for name in _HIDING:
        calls.add_rule(seccomp.ERRNO(errno.ENOSYS), name)
    calls.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, _TIOCSTI))
    _forbid_families(seccomp, calls, own_network)
    with tempfile.TemporaryFile() as file:
        calls.export_bpf(file)
        file.seek(0, os.SEEK_SET)
        return Filter(file.read())


def _forbid_families(seccomp: object, calls: object, own_network: bool) -> None:
    """Refuse sockets that lead out of a network namespace, or of a kernel without one."""
    allowed = {socket.AF_UNIX}
    if own_network:
        allowed |= {socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
    refuse = seccomp.ERRNO(errno.EAFNOSUPPORT)  # type: ignore[attr-defined]
    equal, above = seccomp.EQ, seccomp.GT  # type: ignore[attr-defined]
    argument = seccomp.Arg  # type: ignore[attr-defined]
    highest = max(allowed)
    for name in ("socket", "socketpair"):
        for family in range(highest):
            if family not in allowed:
                calls.add_rule(refuse, name, argument(0, equal, family))  # type: ignore[attr-defined]
        calls.add_rule(refuse, name, argument(0, above, highest))  # type: ignore[attr-defined]
