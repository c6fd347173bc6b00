"""Writes the frames of a WebSocket as fast as its client reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field

from sagecell_tx.http.serving.pump import Pump, PushProducer
from sagecell_tx.http.transports.dispatch import WebSocket

#: The opcode, the payload and FIN.
Frame = tuple[int, bytes, bool]


@define(eq=False)
class FrameWriter:
    """Writes to `socket` the frames that `more` gives, or None if there are none yet.

    Call `run` when there may be some.
    """

    _socket: WebSocket
    _more: Callable[[], Iterator[Frame] | None]
    _producer: PushProducer = field(init=False)
    _pump: Pump[Frame] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pump = Pump(writable=self._writable, write=self._write, more=self._more)
        self._producer = PushProducer(on_resumed=self._pump.run)

    def begin(self) -> None:
        """The upgrade is done: write from now on."""
        self._socket.register_producer(self._producer)
        self._pump.run()

    def run(self) -> None:
        """Write what can be written now."""
        self._pump.run()

    def end(self) -> None:
        """Write nothing more, and release what was not written: others may refer to this for longer."""
        self._producer.stopProducing()
        self._pump.drop()

    def _writable(self) -> bool:
        """Whether the transport takes more, and no close frame was sent, which is the last one."""
        return not self._producer.paused and self._socket.can_send

    def _write(self, frame: Frame) -> None:
        opcode, payload, last = frame
        self._socket.sendFrame(opcode=opcode, payload=payload, fin=last)
