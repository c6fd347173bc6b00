"""An editor of protocol 4 completes and inspects over a WebSocket, beside one of protocol 5."""

from __future__ import annotations

from sagecell_tx.sessions.interfaces import Exit
from tests.http.talking import Talk, TalkTests, say


def request(msg_type: str, msg_id: str, **content: object) -> bytes:
    return say({"header": {"msg_id": msg_id, "msg_type": msg_type}, "content": content})


class ElderTests(TalkTests):
    def setUp(self) -> None:
        super().setUp()
        self.world.host.answering = False
        kernel_id = self.start(timeout="600")
        self.old, self.young = self.talk(kernel_id), self.talk(kernel_id)
        self.kernel = self.world.host.latest

    def pump(self) -> None:
        for talk in (self.old, self.young):
            talk.connection.pump()

    def kinds(self, talk: Talk) -> list[str]:
        return [kind for kind in talk.talker.kinds if kind != "status"]

    def test_a_completion(self) -> None:
        """contract: T1, 2.3"""
        self.old.say(request("complete_request", "1", text="pr", line="pr", cursor_pos=2))
        (asked,) = self.kernel.sent
        assert asked.parsed_content() == {"code": "pr", "cursor_pos": 2}
        self.kernel.finish(
            asked, {"matches": ["print"], "cursor_start": 0, "cursor_end": 2, "status": "ok"}
        )
        self.pump()
        (told,) = self.old.talker.heard("complete_reply")
        assert told["parent_header"]["msg_id"] == "1"
        assert told["content"]["cursor_start"] == 0
        assert told["content"]["matched_text"] == "pr"
        (same,) = self.young.talker.heard("complete_reply")
        assert "matched_text" not in same["content"]

    def test_an_inspection(self) -> None:
        """contract: T1"""
        self.old.say(request("object_info_request", "1", oname="print", detail_level=0))
        (asked,) = self.kernel.sent
        assert asked.msg_type == "inspect_request"
        self.kernel.finish(
            asked, {"found": True, "data": {"text/plain": "Prints."}, "status": "ok"}
        )
        self.pump()
        assert self.kinds(self.old) == ["object_info_reply"]
        assert self.kinds(self.young) == ["inspect_reply"]
        (told,) = self.old.talker.heard("object_info_reply")
        assert told["content"]["docstring"] == "Prints."
        assert told["parent_header"]["msg_type"] == "object_info_request"

    def test_the_kernel_is_there_for_both_afterwards(self) -> None:
        self.old.say(request("object_info_request", "1", oname="print"))
        self.young.say(request("inspect_request", "2", code="print", cursor_pos=5))
        first, second = self.kernel.sent
        self.kernel.finish(second, {"found": False, "status": "ok"})
        self.kernel.finish(first, {"found": False, "status": "ok"})
        self.pump()
        assert self.kinds(self.old) == ["inspect_reply", "object_info_reply"]
        assert self.kinds(self.young) == ["inspect_reply", "inspect_reply"]
        self.kernel.end(Exit(status=0))
        self.pump()
        assert self.old.talker.closes == self.young.talker.closes == [(1000, "finished")]
