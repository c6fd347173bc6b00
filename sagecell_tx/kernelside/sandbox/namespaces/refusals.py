"""The sentences for places that do not allow kernels their namespaces, such as containers.

Containers differ in what they forbid: making user namespaces, by a filter of system calls, or mounting a
/proc, which Linux refuses where parts of the one that is there are covered by other mounts.
"""

from __future__ import annotations

import errno

#: For root that may not do what root can do elsewhere, as in a container.
NO_CAPABILITY = (
    "A server that is started as root needs CAP_SYS_ADMIN to give kernels namespaces and accounts of their own; "
    "start it as another user, as the image of deploy/Containerfile can: --user sagecell."
)

#: For EPERM when a kernel's /proc is mounted.
PROC_IS_MASKED = (
    "Kernels cannot have a /proc of their own, since parts of this container's are masked: allow it with "
    "--security-opt unmask=ALL (podman) or --security-opt systempaths=unconfined (Docker)."
)

_FORBIDDEN = (
    "This server's account may not make user namespaces: a container's filter of system calls, or a setting of "
    "Linux, forbids it. Confinement in docs/operations.rst says what to allow."
)
_NO_MORE = "No more namespaces can be made here: raise the limits user.max_*_namespaces, with sysctl on the machine."


#: Filters of system calls refuse one with either, from engine to engine.
_REFUSED = (errno.EPERM, errno.ENOSYS)


def of_namespaces(error: OSError) -> str:
    """The sentence for an error of unshare(2) or clone(2); Linux's own words for one that is not expected."""
    if error.errno in _REFUSED:
        return _FORBIDDEN
    if error.errno == errno.ENOSPC:
        return _NO_MORE
    return error.strerror or str(error)
