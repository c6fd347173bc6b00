"""The messages between one client and one kernel, over any transport."""

from __future__ import annotations

from sagecell_tx.http.transports.clientchannel import ClientChannel
from sagecell_tx.http.transports.resume import ResumePoint
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import IOPUB, Message, WireError
from sagecell_tx.wire.textwire import UnknownChannel
from tests.sessions.samples import code, reply, request, stream
from tests.sessions.sessioncase import SessionTests

ROOM = 64 * 1024


class ClientChannelTests(SessionTests):
    def setUp(self) -> None:
        super().setUp()
        self.session = self.begin(timeout=600)
        self.channel = ClientChannel.attach(self.session, MemoryListener(slow=True))

    def refused(self, parsed: Message | WireError) -> Message:
        """The refusal of what was not passed on."""
        refusal = self.channel.send(parsed)
        assert refusal is not None
        assert self.kernel.sent == []
        assert (refusal.channel, refusal.msg_type) == (IOPUB, "error")
        return refusal

    def test_messages_pass_both_ways(self) -> None:
        asked = code("1")
        assert self.channel.send(asked) is None
        assert self.kernel.sent == [asked]
        said = stream("1\n", asked)
        self.kernel.observer.message_received(said)
        assert self.channel.read(ROOM) == [said]
        assert self.channel.read(ROOM) == []

    def test_a_client_of_version_4_is_understood_and_answered_in_it(self) -> None:
        asked = request("r1", "complete_request", {"text": "pr", "line": "pr", "cursor_pos": 2})
        assert self.channel.send(asked) is None
        (sent,) = self.kernel.sent
        assert sent.parsed_content() == {"code": "pr", "cursor_pos": 2}
        self.kernel.observer.message_received(
            reply(sent, matches=["print"], cursor_start=0, cursor_end=2)
        )
        (told,) = self.channel.read(ROOM)
        assert told.parsed_content()["matched_text"] == "pr"

    def test_what_is_no_message_is_refused(self) -> None:
        refusal = self.refused(WireError("invalid_json", "Not valid JSON."))
        assert refusal.parent_header == b"{}"
        assert refusal.parsed_content() == {
            "ename": "invalid_json",
            "evalue": "Not valid JSON.",
            "traceback": ["invalid_json: Not valid JSON."],
        }

    def test_a_refusal_has_the_message_as_its_parent(self) -> None:
        refusal = self.refused(UnknownChannel(b'{"msg_id":"r1"}'))
        assert refusal.parent_id == "r1"
        assert refusal.parsed_content()["ename"] == "unknown_channel"

    def test_a_request_that_is_being_answered_is_refused(self) -> None:
        self.channel.send(code("1"))
        self.kernel.sent.clear()
        refusal = self.refused(code("2"))
        assert refusal.parent_id == "r1"
        assert refusal.parsed_content()["ename"] == "duplicate_msg_id"

    def test_a_client_that_comes_back_goes_on_where_it_was(self) -> None:
        place = ResumePoint("me", 0)
        first = ClientChannel.attach(self.session, MemoryListener(slow=True), place)
        said = stream("1\n")
        self.kernel.observer.message_received(said)
        assert first.read(ROOM) == [said]
        first.attachment.detach()

        again = ClientChannel.attach(self.session, MemoryListener(slow=True), place)
        assert again.read(ROOM) == [said]
