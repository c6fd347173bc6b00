"""The network of a confined kernel: its own loopback, and a listener that the server answers on.

A listening socket stays in the network namespace that it was made in, whichever process holds it.
The kernel makes one before any program runs and sends it to the server, which runs a proxy on it.
So programs reach the network only through that proxy.
"""

from __future__ import annotations

import fcntl
import socket
import struct

#: The proxy's port, which is always free in a new network namespace.
PORT = 3128

#: The socket, in a kernel's directory of sockets, where the server waits for the listener.
HANDOVER = "net"

#: Connections that may wait to be accepted.
_BACKLOG = 64

# Flags of a network interface, and the requests for them: netdevice(7).
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def raise_loopback() -> None:
    """Bring up the loopback interface, the only one in this namespace; raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def give_listener_away(sockets: str) -> None:
    """Send the server a listener in this network namespace; keeps no descriptor of it.

    `sockets` is the directory of the kernel's sockets. Raises OSError when the server does not
    wait for the listener.
    """
    with (
        socket.create_server(("127.0.0.1", PORT), backlog=_BACKLOG) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel,
    ):
        channel.connect(f"{sockets}/{HANDOVER}")
        socket.send_fds(channel, [b"."], [listener.fileno()])


def environment() -> dict[str, str]:
    """The variables that name the proxy, in both cases: some programs read only one of them."""
    proxy, direct = f"http://127.0.0.1:{PORT}", "localhost,127.0.0.1"
    variables = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": direct}
    return variables | {name.upper(): value for name, value in variables.items()}
