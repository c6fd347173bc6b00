"""A kernel is paused while its files are stored, and its end waits for them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import FileLimits, Limits
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.bridgeworld import BridgeWorld
from tests.sessions.samples import code


def test_a_file_holds_the_kernel_until_it_is_stored():
    world = BridgeWorld()
    listener = world.listen()
    world.file(b"contents")
    announced = world.kernel.stream("after")
    assert world.kernel.paused
    assert listener.received == []
    world.store.let_all_go()
    assert world.stored() == b"contents"
    assert [world.kernel.paused] == [False]
    assert listener.received == [announced]


def test_files_are_announced_after_they_are_stored():
    world = BridgeWorld()
    listener = world.listen()
    asked = code("save")
    listener.attachment.send(asked)
    world.file(b"one ", asked, last=False)
    world.file(b"two", asked, offset=4)
    world.kernel.finish(asked, {"status": "ok", "payload": [{"new_files": ["a"]}]})
    for _ in range(3):
        assert listener.received == []
        assert world.stored() is None
        world.store.let_go()
    assert world.stored() == b"one two"
    assert listener.kinds == ["execute_reply", "status"]


def test_a_store_that_answers_at_once_holds_nobody():
    world = BridgeWorld()
    listener = world.listen()
    world.store.prompt = True
    world.file(b"contents")
    assert world.stored() == b"contents"
    assert not world.kernel.paused
    last = world.show("on")
    assert listener.received == [last]


def test_a_refused_file_is_told_and_holds_nobody():
    world = BridgeWorld()
    listener = world.listen()
    asked = code("save")
    listener.attachment.send(asked)
    world.file(b"x", asked, name="../a")
    assert not world.kernel.paused
    assert listener.kinds == ["stream"]
    assert "was not saved" in listener.text
    assert listener.received[0].parent_id == asked.msg_id


def new_files(listener: MemoryListener) -> list[str]:
    """The files that the last reply names."""
    reply = next(each for each in listener.received if each.msg_type == "execute_reply")
    (part,) = reply.parsed_content()["payload"]
    return list(part["new_files"])


def saved_both(world: BridgeWorld, *, reply_first: bool) -> MemoryListener:
    """A program has made two files, of which one has no room, and its reply names both."""
    listener = world.listen()
    asked = code("save")
    listener.attachment.send(asked)
    told = {"status": "ok", "payload": [{"source": "sagecell", "new_files": ["a", "b"]}]}
    if reply_first:
        world.kernel.reply(asked, told)
    world.file(b"x", asked, name="a")
    world.file(b"x" * 2000, asked, name="b")
    if reply_first:
        world.kernel.status("idle", asked)
    else:
        world.kernel.finish(asked, told)
    return listener


def test_a_file_that_was_not_saved_is_not_named():
    for reply_first in (False, True):
        world = BridgeWorld(limits=Limits(files=FileLimits(file_bytes=1000)))
        world.store.prompt = True
        listener = saved_both(world, reply_first=reply_first)
        assert new_files(listener) == ["a"]
        assert "'b' is too large" in listener.text


def test_of_what_is_kept_at_the_end_neither():
    world = BridgeWorld(limits=Limits(files=FileLimits(file_bytes=1000)))
    world.store.prompt = True
    listener = world.listen()
    asked = code("save")
    listener.attachment.send(asked)
    world.kernel.reply(asked, {"status": "ok", "payload": [{"new_files": ["b"]}]})
    world.file(b"x" * 2000, asked, name="b")
    world.kernel.end()
    assert new_files(listener) == []


class BrokenStoreTests(SynchronousTestCase):
    def test_what_nobody_foresaw_does_not_hold_the_kernel(self) -> None:
        world = BridgeWorld()
        listener = world.listen()

        world.store.broken = True
        world.file(b"x")
        assert not world.kernel.paused
        last = world.show("on")
        assert listener.received == [last]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1


# --- the end


def test_what_was_kept_back_is_told_when_the_kernel_is_gone():
    world = BridgeWorld()
    listener = world.listen()
    asked = code("1")
    listener.attachment.send(asked)
    world.kernel.reply(asked)
    world.kernel.end()
    assert listener.kinds == ["execute_reply"]


def test_the_end_is_settled_when_files_are_stored_and_told_after_them():
    world = BridgeWorld()
    listener = world.listen()
    asked = code("1")
    listener.attachment.send(asked)
    world.file(b"x", asked)
    world.kernel.reply(asked)
    world.kernel.end()
    world.kernel.forget_last_words()
    settled: list[None] = []
    assert world.ended is not None
    world.ended.addCallback(settled.append)
    assert listener.received == []
    world.store.let_all_go()
    assert settled == [None]
    assert world.stored() == b"x"
    assert listener.kinds == ["execute_reply"]


def test_a_file_that_is_not_whole_is_dropped_at_the_end():
    world = BridgeWorld()
    world.store.prompt = True
    world.file(b"x", last=False)
    world.kernel.end()
    assert world.store.open == 0


def test_a_kernel_that_is_gone_is_not_paused():
    world = BridgeWorld()
    world.listen(slow=True)
    world.kernel.end()
    for _ in range(20):
        world.bridge.publish("display_data", {"data": {"text/plain": "x" * 500}})
    assert not world.kernel.paused
