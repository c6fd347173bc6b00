"""A SockJS client that is cut off at any point ends cleanly, with everything it had."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.http.loopback import Connection
from tests.http.talking import frame
from tests.http.world import World

from .test_multiplexer import PageTests, run

STREAMING = {"xhr_streaming": "", "eventsource": "", "htmlfile": "?c=f"}

#: What a program does before, while or after its client is cut off.
PROGRAMS = ["print 2", "hang", "display plot\nprint 3\nhang", "exit 1", "raise oh"]


class CutTests(PageTests):
    def open(self, transport: str) -> Connection:
        if transport == "websocket":
            return self.socket()
        if transport == "raw":
            return self.socket("/websocket")
        if transport == "xhr":
            return self.open_request("POST", "/000/a/xhr")
        return self.stream("a", transport, STREAMING[transport]).connection

    def tell(self, transport: str, connection: Connection, message: str) -> None:
        if transport == "websocket":
            self.send(connection, message)
        elif transport == "raw":
            connection.send(frame(1, message.encode()))
        else:
            self.say("a", message)

    @given(
        st.sampled_from(["websocket", "raw", "xhr", *STREAMING]),
        st.lists(st.sampled_from(PROGRAMS), max_size=4),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0.0, 3.0, 24.0, 26.0, 55.0]),
    )
    def test_cut_anywhere(
        self, transport: str, programs: list[str], clogged: bool, abrupt: bool, later: float
    ) -> None:
        """contract: 3.3"""
        self.world = World(limits=self.limits, client=self.folder)
        kernels = [self.start(timeout="60") for _ in programs]
        connection = self.open(transport)
        if transport == "xhr":  # the first poll received only the greeting
            connection = self.open(transport)
        connection.server.clogged = clogged
        for kernel_id, program in zip(kernels, programs, strict=True):
            self.tell(transport, connection, run(kernel_id, program))
        self.wait(later)
        connection.hang_up()
        if not abrupt:  # it reconnects once
            self.open(transport).hang_up()
        self.wait(self.limits.sockjs.disconnect_seconds)
        self.wait(self.limits.lifetime.unclaimed_seconds + self.limits.lifetime.detached_seconds)
        self.wait(self.limits.lifetime.stop_grace_seconds)
        assert len(self.world.fleet) == 0
        assert self.world.host.alive == []
        self.wait(100)
        assert self.world.clock.getDelayedCalls() == []
