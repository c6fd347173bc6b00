"""A kernel with its sockets and threads: what turns parts made before a fork into a server."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Sequence

from attrs import frozen
from ipykernel.control import ControlThread
from tornado.ioloop import IOLoop
from zmq.eventloop.zmqstream import ZMQStream

from sagecell_tx.kernelside.kernel.kernel import Parts
from sagecell_tx.kernelside.kernel.sockets import Channels
from sagecell_tx.kernelside.listeningsockets import Listeners
from sagecell_tx.kernelside.output.captures import Capture


@frozen
class Running:
    """A kernel that answers while `run` runs."""

    parts: Parts
    channels: Channels
    control_thread: ControlThread
    loop: IOLoop

    @classmethod
    def open(
        cls, parts: Parts, listeners: Listeners, key: bytes, captures: Sequence[Capture] = ()
    ) -> Running:
        """Answer on these sockets and start the threads."""
        kernel, session = parts.kernel, parts.session
        session.pid = os.getpid()  # it sends nothing in a process that it was not made for
        session.key = key
        session.session = kernel.ident = uuid.uuid4().hex
        kernel.shell.displayhook.topic = kernel._topic("execute_result")

        channels = Channels.open(listeners)
        loop = IOLoop()
        control_thread = ControlThread(daemon=True)
        kernel.control_thread = control_thread
        kernel.shell_stream = ZMQStream(channels.shell, loop)
        kernel.control_stream = ZMQStream(channels.control, control_thread.io_loop)
        kernel.stdin_socket = channels.stdin
        # Python handles signals in the main thread, so that is whose waiting they must break.
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        parts.publisher.start(channels.iopub, captures)
        channels.start_heart()
        kernel.start()
        control_thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
        return cls(parts, channels, control_thread, loop)

    def run(self) -> None:
        """Answer requests until one asks to end."""
        self.loop.start()

    def close(self) -> None:
        """End the threads; returns when the last messages have left, or had their time."""
        self.control_thread.stop()
        self.control_thread.join()
        self.parts.publisher.stop()
        self.channels.close()
        self.loop.close()
        asyncio.set_event_loop(None)
