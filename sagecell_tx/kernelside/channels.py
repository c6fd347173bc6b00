"""The five sockets of a kernel, as jupyter_client numbers and names ipc endpoints."""

from __future__ import annotations

import socket
import threading

import zmq
from attrs import define

_PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}

#: How long a message may look for its reader at the end, in milliseconds.
_LINGER = 1000


@define
class Channels:
    """Bound sockets; that of iopub listens, for a publisher."""

    context: zmq.Context[zmq.Socket[bytes]]
    shell: zmq.Socket[bytes]
    iopub: socket.socket
    stdin: zmq.Socket[bytes]
    control: zmq.Socket[bytes]
    beat: zmq.Socket[bytes]

    @classmethod
    def bind(cls, prefix: str) -> Channels:
        """Make and bind them, each to the file `<prefix>-<port>`; raises `zmq.ZMQError`."""
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

        def bound(name: str, kind: int, **options: int) -> zmq.Socket[bytes]:
            socket = context.socket(kind)
            socket.setsockopt(zmq.LINGER, _LINGER)
            for option, value in options.items():
                socket.setsockopt(getattr(zmq, option), value)
            socket.bind(f"ipc://{prefix}-{_PORTS[name]}")
            return socket

        return cls(
            context,
            # A client that comes again under its name gets its replies.
            shell=bound("shell", zmq.ROUTER, ROUTER_HANDOVER=1),
            iopub=_listening(f"{prefix}-{_PORTS['iopub']}"),
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


def _listening(path: str) -> socket.socket:
    """A socket that listens at `path`; as with ZMQ, one that begins with @ is in no directory."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(f"\0{path[1:]}" if path.startswith("@") else path)
    listening.listen()
    return listening
