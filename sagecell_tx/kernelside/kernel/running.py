"""Adds sockets and threads to the kernel parts that were made before the fork."""

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

from sagecell_tx.kernelside.kernel.kernel import KernelParts
from sagecell_tx.kernelside.kernel.sockets import KernelSockets
from sagecell_tx.kernelside.listeningsockets import Listeners
from sagecell_tx.kernelside.output.captures import Capture, CapturedStream


@frozen
class RunningKernel:
    """A kernel that answers requests while `run` runs."""

    parts: KernelParts
    sockets: KernelSockets
    control_thread: ControlThread
    loop: IOLoop

    @classmethod
    def open(
        cls,
        parts: KernelParts,
        listeners: Listeners,
        key: bytes,
        captured: Sequence[CapturedStream] = (),
    ) -> RunningKernel:
        """Take over the listening sockets and start the threads; raises `zmq.ZMQError`.

        The file descriptors of the streams `captured` are captured once the sockets are open: what
        ZMQ writes to stderr before it ends a process without them is for the log.
        """
        kernel, serializer = parts.kernel, parts.serializer
        serializer.pid = os.getpid()  # a Session sends nothing in another process than its own
        serializer.key = key
        serializer.session = kernel.ident = uuid.uuid4().hex
        kernel.shell.displayhook.topic = kernel._topic("execute_result")

        channels = KernelSockets.open(listeners)
        loop = IOLoop()
        control_thread = ControlThread(daemon=True)
        kernel.control_thread = control_thread
        kernel.shell_stream = ZMQStream(channels.shell, loop)
        kernel.control_stream = ZMQStream(channels.control, control_thread.io_loop)
        kernel.stdin_socket = channels.stdin
        # Python handles signals in the main thread, so they must interrupt that one's waiting.
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        parts.publisher.start(channels.iopub, [Capture(stream) for stream in captured])
        channels.start_heart()
        kernel.start()
        control_thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
        return cls(parts, channels, control_thread, loop)

    def run(self) -> None:
        """Answer requests until one ends the kernel."""
        ended = False
        while not ended:
            try:
                self.loop.start()
                ended = True
            except (SystemExit, KeyboardInterrupt) as error:
                # A task or callback of a program raised it, and asyncio lets these two through.
                ended = self.parts.kernel.left_by(error)

    def close(self) -> None:
        """End the threads; returns when the last messages are sent, or after the linger time."""
        self.control_thread.stop()
        self.control_thread.join()
        self.parts.publisher.stop()
        self.sockets.close()
        self.loop.close()
        asyncio.set_event_loop(None)
