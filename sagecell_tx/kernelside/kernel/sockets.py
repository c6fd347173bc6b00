"""The five sockets of a kernel."""

from __future__ import annotations

import socket
import threading

import zmq
from attrs import define

from sagecell_tx.kernelside.listeningsockets import Listeners

#: How long a message may look for its reader at the end, in milliseconds.
_LINGER = 1000


@define
class KernelSockets:
    """Bound sockets; that of iopub listens, for a publisher."""

    context: zmq.Context[zmq.Socket[bytes]]
    shell: zmq.Socket[bytes]
    iopub: socket.socket
    stdin: zmq.Socket[bytes]
    control: zmq.Socket[bytes]
    beat: zmq.Socket[bytes]

    @classmethod
    def open(cls, listeners: Listeners) -> KernelSockets:
        """Have them listen where these do, which are theirs now; raises `zmq.ZMQError`."""
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

        def bound(name: str, kind: int, **options: int) -> zmq.Socket[bytes]:
            socket = context.socket(kind)
            socket.setsockopt(zmq.LINGER, _LINGER)
            for option, value in options.items():
                socket.setsockopt(getattr(zmq, option), value)
            socket.setsockopt(zmq.USE_FD, listeners[name].detach())
            socket.bind(f"ipc://{name}")  # no more than a name: it is bound
            return socket

        return cls(
            context,
            # A client that comes again under its name gets its replies.
            shell=bound("shell", zmq.ROUTER, ROUTER_HANDOVER=1),
            iopub=listeners["iopub"],
            stdin=bound("stdin", zmq.ROUTER, ROUTER_HANDOVER=1),
            control=bound("control", zmq.ROUTER, ROUTER_HANDOVER=1),
            beat=bound("hb", zmq.ROUTER),
        )

    def start_heart(self) -> None:
        """Echo heartbeats from now on, in a thread that never needs Python's lock."""
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def close(self) -> None:
        """Close all but iopub, which its thread closes; returns when last messages have left."""
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
