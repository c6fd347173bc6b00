"""The sockets that a kernel listens on, bound before it is confined: afterwards none can be.

They are plain sockets. ZMQ starts threads, and privileges are given up for each thread, so it
takes the sockets over only after the kernel is confined.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

#: The number of each channel's socket, as in the naming of jupyter_client's ipc transport.
PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}

#: Connections that may wait to be accepted: ZMQ's own default.
_BACKLOG = 100

Listeners = Mapping[str, socket.socket]


def bind(prefix: str) -> Listeners:
    """Bind each socket to the file `<prefix>-<port>`; with an ``@`` first, to an abstract name.

    Raises OSError, with all sockets closed.
    """
    bound: dict[str, socket.socket] = {}
    try:
        for name, port in PORTS.items():
            bound[name] = listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.setblocking(False)
            path = f"{prefix}-{port}"
            if path.startswith("@"):
                listener.bind(f"\0{path[1:]}")
            else:
                with suppress(OSError):  # an earlier start that failed may have left it
                    os.unlink(path)
                listener.bind(path)
            listener.listen(_BACKLOG)
    except BaseException:
        for listener in bound.values():
            listener.close()
        raise
    return bound


def bind_in(directory: str) -> Listeners:
    """Change to a directory and bind the sockets in it; raises OSError.

    The names are relative: /proc/net/unix shows them to all that share the network namespace.
    """
    os.chdir(directory)
    return bind("k")
