"""The five sockets of a kernel."""

from __future__ import annotations

import socket
import threading

import zmq
from attrs import define

from sagecell_tx.kernelside.listeningsockets import Listeners

#: How long unsent messages may delay the close, in milliseconds.
_LINGER = 1000


@define
class KernelSockets:
    """Bound ZMQ sockets, and the plain listening socket of iopub, for the publisher."""

    context: zmq.Context[zmq.Socket[bytes]]
    shell: zmq.Socket[bytes]
    iopub: socket.socket
    stdin: zmq.Socket[bytes]
    control: zmq.Socket[bytes]
    beat: zmq.Socket[bytes]

    @classmethod
    def open(cls, listeners: Listeners) -> KernelSockets:
        """Make ZMQ sockets that take over the listening sockets; raises `zmq.ZMQError`."""
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

        def bound(name: str, kind: int, **options: int) -> zmq.Socket[bytes]:
            socket = context.socket(kind)
            socket.setsockopt(zmq.LINGER, _LINGER)
            for option, value in options.items():
                socket.setsockopt(getattr(zmq, option), value)
            socket.setsockopt(zmq.USE_FD, listeners[name].detach())
            socket.bind(f"ipc://{name}")  # with USE_FD, the address is only a name
            return socket

        return cls(
            context,
            # ROUTER_HANDOVER: a client that reconnects with its identity gets the replies.
            shell=bound("shell", zmq.ROUTER, ROUTER_HANDOVER=1),
            iopub=listeners["iopub"],
            stdin=bound("stdin", zmq.ROUTER, ROUTER_HANDOVER=1),
            control=bound("control", zmq.ROUTER, ROUTER_HANDOVER=1),
            beat=bound("hb", zmq.ROUTER),
        )

    def start_heart(self) -> None:
        """Echo heartbeats from now on, in a thread that does not need the GIL for it."""
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def close(self) -> None:
        """Close all but iopub, which the publisher closes; blocks for unsent messages, bounded."""
        for channel in (self.shell, self.stdin, self.control):
            channel.close()
        self.context.term()

    def _beat(self) -> None:
        while True:
            try:
                zmq.proxy(self.beat, self.beat)
            except zmq.ContextTerminated:
                self.beat.close(linger=0)
                return
            except zmq.ZMQError:
                if self.beat.closed:
                    return
