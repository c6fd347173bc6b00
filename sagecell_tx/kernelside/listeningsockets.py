"""The sockets that a kernel listens on, bound before it is confined: afterwards none can be.

They are plain ones. ZMQ takes them over when the kernel is confined, since it starts threads,
and what a thread gives up it gives up for itself alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

#: What each is for, and its number in the naming of jupyter_client's ipc transport.
PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}

#: Connections that may wait to be taken, as many as ZMQ lets.
_BACKLOG = 100

Listeners = Mapping[str, socket.socket]


def bind(prefix: str) -> Listeners:
    """Bind each to the file `<prefix>-<port>`, or to a name without a file after an ``@``.

    Raises OSError, and then none is left.
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
                with suppress(OSError):  # of a start that came to nothing, if it is there
                    os.unlink(path)
                listener.bind(path)
            listener.listen(_BACKLOG)
    except BaseException:
        for listener in bound.values():
            listener.close()
        raise
    return bound


def bind_in(directory: str) -> Listeners:
    """Bind them in a directory, which is the current one then; raises OSError.

    By relative names: /proc/net/unix shows names to all that share the network.
    """
    os.chdir(directory)
    return bind("k")
