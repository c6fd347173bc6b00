"""The network of a confined kernel: its own loopback, and a listener that is given away.

A listening socket belongs to the network that it was made in, whoever holds it. The kernel
makes one before any program runs and sends it to the server, which answers there. So the
kernel reaches what the server fetches for it, and has no way out of its own.
"""

from __future__ import annotations

import fcntl
import socket
import struct

#: Where programs find the proxy. Nobody else can have the port: the network is new.
PORT = 3128

#: The socket, in a kernel's directory of sockets, where the server waits for the listener.
HANDOVER = "net"

#: Connections that may wait to be taken.
_BACKLOG = 64

# Flags of a network interface, and the requests for them: netdevice(7).
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def raise_loopback() -> None:
    """Let programs talk to themselves over 127.0.0.1: this network leads nowhere else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def give_listener_away(sockets: str) -> None:
    """Have the server listen in this network; `sockets` is the directory of the kernel's.

    Nothing of it stays in this process. Raises OSError when the server does not wait for it.
    """
    with (
        socket.create_server(("127.0.0.1", PORT), backlog=_BACKLOG) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
    ):
        channel.connect(f"{sockets}/{HANDOVER}")
        socket.send_fds(channel, [b"."], [listener.fileno()])


def environment() -> dict[str, str]:
    """The variables by which programs find the proxy; some read the ones, some the others."""
    proxy, direct = f"http://127.0.0.1:{PORT}", "localhost,127.0.0.1"
    told = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": direct}
    return told | {name.upper(): value for name, value in told.items()}
