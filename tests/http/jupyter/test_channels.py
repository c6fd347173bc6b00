"""Jupyter clients of one kernel: what each is told, in which form, and what it gets when it returns."""

from __future__ import annotations

import json

import attrs

from sagecell_tx.http.transports.websocket import FRAME
from sagecell_tx.limits import JupyterLimits, LifetimeLimits, Limits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.unread import MUCH
from sagecell_tx.wire.messages import IOPUB, SHELL, STDIN

from .asclient import ALICE, NOBODY, refusal
from .joining import V1, ChannelTests, execute, request

RUN = ["status:busy", "execute_input", "stream:hi\n", "execute_reply", "status:idle"]

RESTARTED = [
    "status:busy",
    "status:idle",
    "shutdown_reply",
    "status:starting",
    "status:busy",
    "status:idle",
]


class MessagesTests(ChannelTests):
    """What is sent to and from one client."""

    def test_a_program_runs_in_both_protocols(self) -> None:
        for protocols in ((V1,), ()):
            joined = self.join(self.kernel_id(), protocols=protocols)
            joined.send(execute("print hi"))
            assert joined.told == ["status:idle", *RUN]
            assert joined.notebook.chosen == (V1 if protocols else None)
            assert set(joined.notebook.binary) == {bool(protocols)}
            assert [each["buffers"] for each in joined.messages] == [[]] * 6

    def test_v1_is_chosen_wherever_it_is_offered_and_a_token_is_never_repeated(self) -> None:
        names = "v1.token.websocket.jupyter.org"
        secret = f"{names}.{ALICE}"
        kernel_id = self.kernel_id()
        for offered, chosen in (
            ((secret, names, V1), V1),
            ((names, secret), names),
            (("other", V1), V1),
        ):
            assert self.join(kernel_id, protocols=offered).notebook.chosen == chosen
        assert self.join(kernel_id, protocols=(secret,)).notebook.chosen is None

    def test_buffers_pass_both_ways_in_both_protocols(self) -> None:
        for protocols in ((V1,), ()):
            joined = self.join(self.kernel_id(), protocols=protocols)
            sent = request("comm_msg", comm_id="c", buffers=(b"\x00\xff", b""))
            joined.send(sent)
            assert self.kernel.sent[-1].buffers == (b"\x00\xff", b"")
            self.kernel.publish("comm_msg", {"comm_id": "c"}, sent, buffers=(b"\xfe\x00", b"z"))
            assert joined.heard("comm_msg")[0]["buffers"] == [b"\xfe\x00", b"z"]
            assert joined.notebook.binary[-1]

    def test_what_a_client_writes_reaches_the_kernel_unparsed_in_v1(self) -> None:
        joined = self.join(self.kernel_id())
        sent = request("execute_request", header={"subshell_id": "x"}, code="")
        sent = attrs.evolve(sent, content=b'{"code" :  "",\n"more":[1e5]}')
        joined.send(sent)
        assert (self.kernel.sent[-1].header, self.kernel.sent[-1].content) == (
            sent.header,
            sent.content,
        )

    def test_long_messages_come_in_several_frames(self) -> None:
        for protocols in ((V1,), ()):
            joined = self.join(self.kernel_id(), protocols=protocols)
            text, buffers = "x" * (3 * FRAME), (b"y" * (2 * FRAME), b"", b"z" * (FRAME + 1))
            self.kernel.publish("stream", {"name": "stdout", "text": text})
            self.kernel.publish("comm_msg", {"data": text}, buffers=buffers)
            self.kernel.publish("comm_msg", {}, buffers=(b"y" * FRAME, b""))
            stream, one, other = joined.messages[1:]
            assert stream["content"]["text"] == text
            assert (one["content"]["data"], tuple(one["buffers"])) == (text, buffers)
            assert other["buffers"] == [b"y" * FRAME, b""]

    def test_a_message_may_have_ten_mebibytes_and_no_more(self) -> None:
        assert JupyterLimits().message_bytes == 10 * 2**20
        joined = self.join(self.kernel_id())
        joined.send(request("comm_msg", buffers=(b"x" * (10 * 2**20 - 1000),)))
        assert len(self.kernel.sent[-1].buffers[0]) == 10 * 2**20 - 1000
        joined.send(request("comm_msg", buffers=(b"x" * (10 * 2**20 + 1000),)))
        assert joined.notebook.closes == [(1009, "message_too_big")]

    def test_what_is_no_message_closes_the_socket(self) -> None:
        kernel_id = self.kernel_id()
        for protocols, data in (((V1,), b"\xff" * 64), ((), b"\xff" * 64), ((), b"")):
            joined = self.join(kernel_id, protocols=protocols)
            joined.raw(data)
            assert joined.notebook.closes == [(1008, "invalid_message")]

    def test_a_message_on_another_channel_is_answered_and_the_socket_stays(self) -> None:
        joined = self.join(self.kernel_id())
        joined.send(request("x", channel=IOPUB))
        assert joined.heard("error")[0]["content"]["ename"] == "unknown_channel"
        joined.send(execute("print hi"))
        assert joined.told[-5:] == RUN

    def test_a_request_that_is_refused_gets_a_reply_and_the_state_again(self) -> None:
        joined = self.join(self.kernel_id())
        joined.send(execute("hang"))
        joined.clear()
        joined.send(execute("print hi"))
        assert joined.told == ["error", "execute_reply", "status:idle", "status:busy"]
        (reply,) = joined.heard("execute_reply")
        assert reply["content"]["ename"] == "duplicate_msg_id"
        assert (reply["channel"], reply["parent_header"]["msg_id"]) == (SHELL, "r1")

    def test_a_client_that_sends_more_than_its_kernel_reads_waits(self) -> None:
        joined = self.join(self.kernel_id())
        self.kernel.unread = MUCH + 1
        for name in ("a", "b"):
            joined.send(request("comm_msg", name))
        assert [each.msg_id for each in self.kernel.sent] == ["a"]
        self.kernel.unread = MUCH
        self.wait(1)
        joined.connection.pump()
        assert [each.msg_id for each in self.kernel.sent] == ["a", "b"]

    def test_without_an_upgrade_the_address_is_refused(self) -> None:
        answer = self.ask("GET", f"/api/kernels/{self.kernel_id()}/channels")
        assert refusal(answer) == (426, "upgrade_required")

    def test_who_has_an_unknown_token_is_refused(self) -> None:
        joined = self.join(self.kernel_id(), protocols=("v1.token.websocket.jupyter.org.x", V1))
        assert b"403 Forbidden" in joined.notebook.answer
        assert joined.notebook.chosen is None

    def test_a_session_id_is_no_place_to_store_anything(self) -> None:
        path = f"/api/kernels/{self.kernel_id()}/channels?session_id={'x' * 129}"
        answer = self.ask("GET", path, [("Upgrade", "websocket")])
        assert refusal(answer) == (400, "invalid_session_id")

    def test_messages_of_the_server_have_the_kernels_session(self) -> None:
        """`@jupyterlab/services` drops what it is handling when a message of another session comes."""
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        status = self.kernel.originate("status", {"execution_state": "idle"})
        header = status.header.replace(kernel_id.encode(), b'k"1'.replace(b'"', b"-"))
        self.kernel.deliver(attrs.evolve(status, header=header))
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.stop(Reason.STOPPED)
        joined.connection.pump()
        assert joined.told[-1] == "status:dead"
        assert joined.messages[-1]["header"]["session"] == "k-1"
        assert joined.notebook.closes == [(1000, "stopped")]

    def test_a_kernels_name_for_its_session_does_not_multiply(self) -> None:
        """A program that knows its kernel's id repeats what is replaced, with a long replacement."""
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        joined.clear()
        ours = b'"session":"%b"' % kernel_id.encode()
        status = self.kernel.originate("status", {"execution_state": "idle"})
        long = status.header.replace(ours, b'"session":"%b"' % (b"x" * 10_000))
        self.kernel.deliver(attrs.evolve(status, header=long))
        shown = self.kernel.originate("display_data", {"data": {}})
        again = b'"more":[%b]' % b",".join([b"{%b}" % ours] * 50)
        header = shown.header.replace(ours, ours + b"," + again)
        self.kernel.deliver(attrs.evolve(shown, header=header))
        (told,) = joined.heard("display_data")
        assert len(json.dumps(told["header"])) < 2 * len(header)


class AddresseeTests(ChannelTests):
    """Several clients of one kernel."""

    def test_replies_go_to_who_asked_and_iopub_to_all(self) -> None:
        kernel_id = self.kernel_id()
        one, other = self.join(kernel_id, "1"), self.join(kernel_id, "2")
        one.send(execute("print hi", "a"))
        other.send(request("kernel_info_request", "b"))
        for joined, reply in ((one, "execute_reply"), (other, "kernel_info_reply")):
            replies = [each for each in joined.messages if each["channel"] != IOPUB]
            assert [each["header"]["msg_type"] for each in replies] == [reply]
            assert len(joined.heard("status")) == 1 + 4
            assert len(joined.heard("stream")) == 1

    def test_questions_go_to_who_asked(self) -> None:
        kernel_id = self.kernel_id()
        one, other = self.join(kernel_id, "1"), self.join(kernel_id, "2")
        asked = execute("hang", allow_stdin=True)
        one.send(asked)
        self.kernel.publish("input_request", {"prompt": "?"}, asked, channel=STDIN)
        assert one.heard("input_request")
        assert not other.heard("input_request")

    def test_control_replies_go_to_who_asked(self) -> None:
        kernel_id = self.kernel_id()
        one, other = self.join(kernel_id, "1"), self.join(kernel_id, "2")
        one.send(request("interrupt_request", channel="control"))
        assert one.heard("interrupt_reply")
        assert not other.heard("interrupt_reply")

    def test_a_client_below_kernel_hears_every_reply(self) -> None:
        """As SageMathCell's clients expect; the Jupyter client does not hear theirs."""
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        path, at = f"/kernel/{kernel_id}/messages", "?after=0&wait=0"
        self.ask("GET", path + at)
        joined.send(execute("", "a"))
        asked = {"header": {"msg_id": "b", "msg_type": "execute_request"}, "content": {"code": ""}}
        self.ask("POST", path, body=json.dumps(asked).encode())
        heard = self.ask("GET", path + at).json["messages"]
        replies = [each for each in heard if each["msg_type"] == "execute_reply"]
        assert [each["parent_header"]["msg_id"] for each in replies] == ["a", "b"]
        assert [each["seq"] for each in heard] == [*range(1, len(heard) + 1)]
        joined.connection.pump()
        (reply,) = joined.heard("execute_reply")
        assert reply["parent_header"]["msg_id"] == "a"

    def test_a_refused_duplicate_does_not_take_the_reply(self) -> None:
        kernel_id = self.kernel_id()
        one, other = self.join(kernel_id, "1"), self.join(kernel_id, "2")
        asked = execute("hang")
        one.send(asked)
        other.send(asked)
        self.kernel.finish(asked)
        assert one.heard("execute_reply")[0]["content"]["status"] == "ok"
        assert other.heard("execute_reply")[0]["content"]["status"] == "error"

    def test_a_busy_kernel_never_looks_idle_to_who_joins(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id, "1").send(execute("hang"))
        assert self.join(kernel_id, "2").told == ["status:busy"]


class ReturnTests(ChannelTests):
    """Connections that are cut."""

    limits = Limits(lifetime=LifetimeLimits(detached_seconds=10, resumable_seconds=120))

    def test_who_returns_gets_what_it_missed_once_and_in_order(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        asked = execute("hang")
        joined.send(asked)
        self.wait(1)
        joined.connection.pump()
        joined.cut()
        self.kernel.stream("one", asked)
        self.kernel.publish("display_data", {"data": {}}, asked)
        self.kernel.finish(asked)
        again = self.join(kernel_id)
        missed = ["stream:one", "display_data", "execute_reply", "status:idle"]
        assert again.told == ["status:idle", *missed]

    def test_what_was_not_acknowledged_comes_again(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        self.kernel.stream("one")
        joined.notebook.answers_pings = False
        self.wait(1)
        joined.cut()
        assert self.join(kernel_id).told == ["status:idle", "stream:one"]

    def test_another_session_does_not_get_what_was_missed_while_somebody_listens(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id, "1")
        cut = self.join(kernel_id, "2")
        cut.cut()
        self.kernel.stream("one")
        assert self.join(kernel_id, "3").told == ["status:idle"]
        assert self.join(kernel_id, "2").told == ["status:idle", "stream:one"]

    def test_a_newer_connection_replaces_the_older_one_which_stays_away(self) -> None:
        kernel_id = self.kernel_id()
        older = self.join(kernel_id)
        self.kernel.stream("one")
        self.wait(1)
        older.connection.pump()
        newer = self.join(kernel_id)
        older.connection.pump()
        assert older.notebook.closes == [(1000, "superseded")]
        self.kernel.stream("two")
        assert newer.told == ["status:idle", "stream:two"]

    def test_services_closes_without_a_code_and_returns(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        joined.leave()
        self.kernel.stream("one")
        assert self.join(kernel_id).told == ["status:idle", "stream:one"]

    def test_who_leaves_for_good_is_not_waited_for(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id).leave(1000)
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        assert not session.audience.awaits_return

    def test_replies_to_who_is_away_wait_for_it(self) -> None:
        kernel_id = self.kernel_id()
        joined, other = self.join(kernel_id, "1"), self.join(kernel_id, "2")
        asked = execute("hang")
        joined.send(asked)
        joined.cut()
        self.kernel.finish(asked)
        assert not other.heard("execute_reply")
        assert self.join(kernel_id, "1").heard("execute_reply")

    def is_held(self) -> bool:
        """Whether the kernel has to wait."""
        return self.kernel.paused

    def test_who_is_away_holds_the_kernel_only_if_it_is_alone(self) -> None:
        kernel_id = self.kernel_id()
        alone = self.join(kernel_id, "1")
        alone.cut()
        for _ in range(5):
            self.kernel.publish("display_data", {"data": {"text/plain": "x" * 2**20}})
        assert self.is_held()
        other = self.join(kernel_id, "2")
        assert not self.is_held()
        assert other.told[0] == "status:idle"
        for _ in range(10):
            self.kernel.publish("display_data", {"data": {"text/plain": "x" * 2**20}})
            other.connection.pump()
        assert not self.is_held()

    def test_clients_that_do_not_return_make_room_for_others(self) -> None:
        kernel_id = self.kernel_id()
        for number in range(40):
            self.join(kernel_id, str(number)).leave()
        assert self.join(kernel_id, "last").told == ["status:idle"]

    def test_a_client_without_a_session_id_cannot_return_and_hears_everything_else(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id, "")
        joined.send(execute("print hi"))
        assert joined.told == ["status:idle", *RUN]
        joined.cut()
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        assert not session.audience.awaits_return

    def test_an_unanswered_question_is_asked_again_once(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        asked = execute("hang", allow_stdin=True)
        joined.send(asked)
        self.kernel.publish("input_request", {"prompt": "?"}, asked, channel=STDIN)
        self.wait(1)
        joined.connection.pump()
        joined.cut()
        again = self.join(kernel_id)
        assert again.told == ["status:busy", "input_request"]
        assert len(self.join(kernel_id).heard("input_request")) == 1
        other = self.join(kernel_id, "2")
        assert not other.heard("input_request")
        again = self.join(kernel_id)
        again.send(request("input_reply", "i1", STDIN, value="x"))
        assert self.kernel.sent[-1].msg_type == "input_reply"
        assert not self.join(kernel_id).heard("input_request")

    def test_a_question_is_over_with_its_request(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        asked = execute("hang", allow_stdin=True)
        joined.send(asked)
        self.kernel.publish("input_request", {"prompt": "?"}, asked, channel=STDIN)
        self.wait(1)
        joined.connection.pump()
        joined.send(request("interrupt_request", "i1", "control"))
        assert joined.heard("execute_reply")
        self.wait(1)
        joined.connection.pump()
        joined.cut()
        assert self.join(kernel_id).told == ["status:idle"]

    def test_an_unacknowledged_question_is_not_asked_twice(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        asked = execute("hang", allow_stdin=True)
        joined.send(asked)
        self.kernel.publish("input_request", {"prompt": "?"}, asked, channel=STDIN)
        joined.cut()
        assert len(self.join(kernel_id).heard("input_request")) == 1


class EndedTests(ChannelTests):
    """Clients that were away when the session ended."""

    def end(self, kernel_id: str) -> None:
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.stop(Reason.IDLE)
        assert self.world.fleet.get(kernel_id) is None

    def test_who_returns_gets_what_it_missed_and_then_why_it_ended(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id).cut()
        self.kernel.stream("one")
        self.end(kernel_id)
        again = self.join(kernel_id)
        # Not "dead" first: `@jupyterlab/services` drops all that follows it.
        assert again.told == ["stream:one", "status:dead"]
        assert again.messages[-1]["content"]["reason"] == "idle"
        assert again.messages[-1]["content"]["message"] == Reason.IDLE.sentence
        assert again.notebook.closes == [(1000, "idle")]

    def test_who_is_cut_before_it_has_heard_that_may_return_and_then_not(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id).cut()
        self.kernel.publish("display_data", {"data": {"text/plain": "x" * 2**21}})
        self.end(kernel_id)
        first = self.join(kernel_id, pumps=False)
        first.cut()
        assert self.join(kernel_id).told == ["display_data", "status:dead"]
        assert b"404" in self.join(kernel_id).notebook.answer

    def test_nobody_else_can_join_and_after_a_while_nobody_can(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id).cut()
        self.end(kernel_id)
        assert b"404" in self.join(kernel_id, "2").notebook.answer
        assert b"404" in self.join(kernel_id, "").notebook.answer
        self.wait(self.limits.lifetime.resumable_seconds)
        assert b"404" in self.join(kernel_id).notebook.answer

    def test_requests_to_it_are_refused_like_those_to_any_kernel_that_is_gone(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id).cut()
        self.end(kernel_id)
        for method, path in (
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/restart"),
            ("POST", "/interrupt"),
        ):
            answer = self.call(method, f"/kernels/{kernel_id}{path}")
            assert refusal(answer) == (404, "unknown_kernel")


class CloseTests(ChannelTests):
    """Close codes: services returns after each but 1000 and 1001."""

    limits = Limits(messages=MessageLimits(listeners=2, ping_seconds=25))

    def test_when_the_server_stops_clients_are_to_return(self) -> None:
        joined = self.join(self.kernel_id())
        self.world.fleet.stopService()
        joined.connection.pump()
        assert joined.told[-1] == "status:dead"
        assert joined.notebook.closes == [(1012, "draining")]

    def test_too_many_clients_are_told_to_try_again(self) -> None:
        kernel_id = self.kernel_id()
        for name in ("1", "2"):
            self.join(kernel_id, name)
        assert self.join(kernel_id, "3").notebook.closes == [(1013, "too_many_listeners")]

    def test_a_client_that_answers_no_pings_is_disconnected_after_three(self) -> None:
        joined = self.join(self.kernel_id())
        joined.notebook.answers_pings = False
        for _ in range(3):
            self.wait(25)
            joined.connection.pump()
            assert joined.notebook.closes == []
        assert joined.notebook.pings == [b"0"] * 3
        self.wait(25)
        joined.connection.pump()
        assert joined.notebook.closes == [(1013, "no_pong")]

    def test_a_client_that_answers_stays(self) -> None:
        joined = self.join(self.kernel_id())
        for _ in range(20):
            self.wait(25)
            joined.connection.pump()
        assert joined.notebook.closes == []
        assert len(joined.notebook.pings) == 20

    def test_a_client_that_reads_nothing_is_disconnected_with_a_code_to_return(self) -> None:
        joined = self.join(self.kernel_id())
        joined.notebook.answers_pings = False
        for _ in range(5):
            self.kernel.publish("display_data", {"data": {"text/plain": "x" * 2**20}})
            joined.connection.pump()
        self.wait(60)
        joined.connection.pump()
        assert joined.notebook.closes == [(1013, "stalled")]

    def test_one_that_did_not_read_what_the_server_has_no_memory_for(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        joined.connection.server.clogged = True
        self.kernel.publish("display_data", {"data": {"text/plain": "x" * 2**20}})
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.abandon(Reason.UNREAD)
        joined.connection.server.clogged = False
        joined.connection.pump()
        assert joined.notebook.closes == [(1000, "unread")]


class RestartTests(ChannelTests):
    """A kernel that is restarted."""

    def test_the_sockets_stay_and_hear_of_it(self) -> None:
        kernel_id = self.kernel_id()
        joined, other = self.join(kernel_id, "1"), self.join(kernel_id, "2")
        joined.clear()
        old = self.kernel
        answer = self.call("POST", f"/kernels/{kernel_id}/restart")
        assert (answer.status, answer.json["id"]) == (200, kernel_id)
        assert answer.json["execution_state"] == "idle"
        assert self.kernel is not old
        assert joined.told == RESTARTED
        assert other.told == ["status:idle", *RESTARTED]
        joined.clear()
        joined.send(execute("print hi"))
        assert joined.told == RUN

    def test_who_ran_something_is_told_that_it_is_aborted(self) -> None:
        kernel_id = self.kernel_id()
        joined, other = self.join(kernel_id, "1"), self.join(kernel_id, "2")
        joined.send(execute("hang"))
        self.call("POST", f"/kernels/{kernel_id}/restart")
        (reply,) = joined.heard("execute_reply")
        assert reply["content"] == {"status": "aborted"}
        assert reply["parent_header"]["msg_id"] == "r1"
        assert not other.heard("execute_reply")
        assert not joined.heard("restarting")

    def test_who_is_away_hears_of_it_afterwards(self) -> None:
        kernel_id = self.kernel_id()
        self.join(kernel_id).cut()
        self.call("POST", f"/kernels/{kernel_id}/restart")
        assert self.join(kernel_id).told == ["status:idle", *RESTARTED]

    def test_a_kernel_that_there_is_not_is_not_restarted(self) -> None:
        answer = self.call("POST", f"/kernels/{NOBODY}/restart")
        assert refusal(answer) == (404, "unknown_kernel")

    def test_a_kernel_that_does_not_start_again_is_dead(self) -> None:
        kernel_id = self.kernel_id()
        joined = self.join(kernel_id)
        self.world.host.broken = RuntimeError("no room")
        answer = self.call("POST", f"/kernels/{kernel_id}/restart")
        assert refusal(answer) == (503, "start_failed")
        assert joined.told[-1] == "status:dead"
        assert joined.notebook.closes == [(1000, "crashed")]
        self.flushLoggedErrors(RuntimeError)
