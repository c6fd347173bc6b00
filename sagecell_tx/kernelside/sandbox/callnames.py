"""System calls by name: those that programs may make, and those that they may not.

A call in none of the lists is unknown: it fails with ENOSYS. The names are libseccomp's. Source:
the tables of Linux 6.18, syscalls(2), and for a first choice the default profiles of Docker and of
systemd (``@system-service``).
"""

from __future__ import annotations

#: Allowed with any arguments.
ALLOWED = (
    # Files and directories.
    *("access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat"),
    *("dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir"),
    *("fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fdatasync", "flock"),
    *("fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64"),
    *("lchown", "link", "linkat", "lseek", "lstat", "mkdir", "mkdirat", "mknod", "mknodat"),
    *("newfstatat", "open", "openat", "openat2", "pread64", "preadv", "preadv2", "pwrite64"),
    *("pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "rename"),
    *("renameat", "renameat2", "rmdir", "stat", "statfs", "statx", "symlink"),
    *("symlinkat", "sync_file_range", "truncate", "umask", "unlink", "unlinkat", "utime"),
    *("utimensat", "utimes", "write", "writev"),
    *("fgetxattr", "flistxattr", "fremovexattr", "getxattr", "lgetxattr", "listxattr"),
    *("llistxattr", "lremovexattr", "removexattr"),
    *("getxattrat", "listxattrat", "removexattrat"),
    # Pipes, sockets, and waiting for them. `socket` and `setsockopt` depend on their arguments.
    *("pipe", "pipe2", "poll", "ppoll", "select", "pselect6"),
    *("epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait"),
    *("eventfd", "eventfd2", "signalfd", "signalfd4"),
    *("accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt"),
    *("listen", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "shutdown"),
    # Memory.
    *("brk", "map_shadow_stack", "membarrier", "mincore", "mlock"),
    *("mlock2", "mlockall", "mmap", "mprotect", "mremap", "mseal", "msync", "munlock"),
    *("munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect"),
    # Processes and threads of its own. `clone` depends on its arguments.
    *("arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "vfork"),
    *("get_robust_list", "set_robust_list", "set_tid_address", "rseq", "futex", "futex_requeue"),
    *("futex_wait", "futex_waitv", "futex_wake", "restart_syscall", "wait4", "waitid"),
    *("getpgid", "getpgrp", "getpid", "getppid", "getsid", "gettid", "setpgid", "setsid"),
    *("riscv_flush_icache", "riscv_hwprobe"),
    # Signals.
    *("kill", "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo"),
    *("rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sigaltstack"),
    *("tgkill", "tkill"),
    # Clocks and timers.
    *("alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday"),
    *("nanosleep", "setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun"),
    *("timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime"),
    # Its share of the machine, which it cannot raise without privilege.
    *("getcpu", "getpriority", "getrlimit", "getrusage", "ioprio_get", "ioprio_set"),
    *("sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr"),
    *("sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity"),
    *("sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "setpriority"),
    *("sysinfo", "times", "uname", "getrandom"),
    # Its user and groups, which it cannot change without privilege.
    *("capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid"),
    *("getuid", "setfsgid", "setfsuid", "setgid", "setgroups", "setregid", "setresgid"),
    *("setresuid", "setreuid", "setuid"),
    # Made by trampolines of Linux while the machine's operator traces the process with uprobes.
    *("uprobe", "uretprobe"),
)

#: Allowed or refused by their arguments; see `seccomp`.
BY_ARGUMENTS = (
    *("clone", "fcntl", "ioctl", "madvise", "personality", "prctl", "prlimit64", "setrlimit"),
    *("setsockopt", "socket", "socketpair"),
)

#: Refused without an IPC namespace: these objects would be shared and outlive the kernel.
SHARED = (
    *("shmat", "shmctl", "shmdt", "shmget", "semctl", "semget", "semop", "semtimedop"),
    *("msgctl", "msgget", "msgrcv", "msgsnd"),
    *("mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink"),
)

#: Refused: no cell needs them.
REFUSED = (
    # Other processes.
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease"),
    *("kcmp", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "migrate_pages", "move_pages"),
    # Mounts, namespaces, and access to files by other means than their names.
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr"),
    *("mount_setattr", "fsopen", "fsconfig", "fsmount", "fspick", "listmount", "statmount"),
    *("unshare", "setns", "listns", "open_by_handle_at", "name_to_handle_at"),
    *("fanotify_init", "fanotify_mark", "quotactl", "quotactl_fd", "swapon", "swapoff"),
    # The system as a whole.
    *("acct", "reboot", "syslog", "sethostname", "setdomainname", "vhangup", "sync", "syncfs"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "ustat", "sysfs"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
    *("lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules"),
    # Parts of Linux with many past vulnerabilities.
    *("bpf", "perf_event_open", "userfaultfd", "add_key", "keyctl", "request_key"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents"),
    *("ioperm", "iopl", "modify_ldt", "remap_file_pages"),
    # NUMA nodes, and the page cache, which is shared with others.
    *("cachestat", "mbind", "get_mempolicy", "set_mempolicy", "set_mempolicy_home_node"),
)

#: ENOTSUP, as where files have no extended attributes, which programs that copy files accept. A list
#: of access in such an attribute takes 64 KiB of Linux's own memory for each file, which is part neither of
#: the file system's size nor of a control group.
UNSUPPORTED = ("fsetxattr", "lsetxattr", "setxattr", "setxattrat")

#: ENOSYS, so that callers fall back to older calls. The flags of `clone3` are in memory, which no
#: filter can read; the C library then calls `clone`. The calls of the second line make memory that
#: the monitor cannot see once a descriptor is sent and closed, or a page is in a pipe; libraries
#: then use files in ``/dev/shm``, which are bounded. A byte that `splice` or `sendfile` puts into a socket
#: keeps a whole page of a file that was truncated since, and Linux counts only the byte. Those of the third
#: tell who opens a file in whatever namespace: which programs other visitors start, and the host itself. A set
#: of Landlock's rules may have 65,536 ports, which take 4 MiB that nobody counts; the kernel's own is in force.
#: A filter of system calls may have Linux write a line into the audit log at each call, and whoever on the
#: machine has something to write there waits for that.
ABSENT = (
    *("clone3", "file_getattr", "file_setattr"),
    *("memfd_create", "memfd_secret", "vmsplice", "splice", "tee", "sendfile"),
    *("inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch"),
    *("landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp"),
)

#: System calls since 2019 in the order of their numbers, which are the same on all architectures
#: with a filter. An older libseccomp does not know all of them.
_FIRST = 424
_SINCE_2019 = (
    *("pidfd_send_signal", "io_uring_setup", "io_uring_enter", "io_uring_register", "open_tree"),
    *("move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "pidfd_open", "clone3"),
    *("close_range", "openat2", "pidfd_getfd", "faccessat2", "process_madvise", "epoll_pwait2"),
    *("mount_setattr", "quotactl_fd", "landlock_create_ruleset", "landlock_add_rule"),
    *("landlock_restrict_self", "memfd_secret", "process_mrelease", "futex_waitv"),
    *("set_mempolicy_home_node", "cachestat", "fchmodat2", "map_shadow_stack", "futex_wake"),
    *("futex_wait", "futex_requeue", "statmount", "listmount", "lsm_get_self_attr"),
    *("lsm_set_self_attr", "lsm_list_modules", "mseal", "setxattrat", "getxattrat"),
    *("listxattrat", "removexattrat", "open_tree_attr", "file_getattr", "file_setattr", "listns"),
)
NUMBERS = {name: _FIRST + place for place, name in enumerate(_SINCE_2019)}

#: Allowed commands of fcntl(2), from asm-generic/fcntl.h and linux/fcntl.h.
COMMANDS = (
    *range(5),  # descriptors and their flags
    *(5, 6, 7),  # locks, which hold up only those who ask for them; the monitor counts them
    *(8, 9, 10, 11, 15, 16, 17),  # who is sent signals
    *(1025, 1027, 1028, 1030, 1039),  # queries, and copies of descriptors
    *(1031, 1032, 1033, 1034),  # the size of pipes, and seals
    *(1035, 1036, 1037, 1038),  # how long data will be kept
)

#: Leases and delegations, for which Linux lets everybody wait who opens a file, for 45 seconds: without
#: root, the server's own account owns what kernels see. Notes on directories tell what inotify does.
REFUSED_COMMANDS = (1024, 1040, 1026)

#: EINVAL, as before Linux 3.15: locks of open files, which are no process's, so that nobody can tell whose
#: memory they take.
UNKNOWN_COMMANDS = (36, 37, 38)

#: Allowed options of prctl(2), from linux/prctl.h.
OPTIONS = (
    *(1, 2),  # a signal when the parent ends
    *(3, 5, 7, 9, 11, 13, 14, 19, 21, 23, 25, 27, 34),  # queries, or set the default
    *(15, 16),  # its name
    *(38, 39, 65, 66),  # further confinement
    *(29, 30),  # slack of timers
    37,  # who adopts orphans
    *(40, 41, 42),  # where its thread's id is; huge pages
    *(24, 47),  # capabilities, of which it has none
    *(50, 51, 54, 55, 56, 60, 61, 63, 64, 69, 70, 71),  # registers and pointers of ARM and RISC-V
    *(52, 53),  # speculation
    *(74, 75, 76),  # shadow stacks
    *(0x53564D41, 0x41555856),  # names of mappings; the auxiliary vector
)

#: PR_SET_DUMPABLE is allowed with 1 only: else the monitor could not read the process's memory use.
DUMPABLE = 4

#: PR_SET_CHILD_SUBREAPER is refused with 0: orphans of a kernel would leave it.
ADOPTING = 36

#: EINVAL, as on a Linux without it: PR_SET_SECCOMP, which does what `seccomp` does.
UNKNOWN_OPTIONS = (22,)

REFUSED_OPTIONS = (
    *(6, 8, 10, 12, 20, 26, 28, 31, 32, 33),
    35,  # PR_SET_MM: the addresses of its code and data
    *(43, 44, 45, 46, 57, 58),
    *(59, 62),  # dispatch of system calls to user space; core scheduling
    *(67, 68),  # merging of equal pages, a side channel to other processes' memory
    *(72, 73, 77, 78),
    0x59616D61,  # who may trace it
)
