"""The host in memory keeps the promises of `HostService` and `Kernel`."""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.defer import AlreadyCalledError, CancelledError
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import Exit, HostService, HostStatus, StartFailed
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import KILLED, MemoryHost, MemoryKernel
from sagecell_tx.wire.messages import CONTROL, SHELL, Message
from tests.sessions.samples import KERNEL_ID, code, request


@define
class Observer:
    """Records its calls."""

    kernel_id: str = KERNEL_ID
    heard: list[Message] = field(factory=list)
    slices: list[int] = field(factory=list)  # how many messages there were after each
    ends: list[Exit] = field(factory=list)
    missed: int = 0
    near: list[tuple[str, float]] = field(factory=list)

    def message_received(self, message: Message) -> None:
        assert not self.ends, "kernel_ended is said last"
        self.heard.append(message)

    def slice_over(self) -> None:
        self.slices.append(len(self.heard))

    def heartbeat_missed(self) -> None:
        self.missed += 1

    def limit_near(self, reason: str, seconds: float) -> None:
        self.near.append((reason, seconds))

    def kernel_ended(self, how: Exit) -> None:
        self.ends.append(how)

    @property
    def kinds(self) -> list[str]:
        return [message.msg_type for message in self.heard]


class StartTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.host = MemoryHost(prompt=False)
        self.observer = Observer()
        self.started = self.host.start(PYTHON, self.observer)
        self.kernel = self.host.latest

    def test_a_start_succeeds_when_told(self) -> None:
        self.assertNoResult(self.started)
        self.kernel.come_up()
        assert self.successResultOf(self.started) is self.kernel
        assert self.host.alive == [self.kernel]

    def test_a_prompt_host_starts_at_once(self) -> None:
        self.host.prompt = True
        kernel = self.successResultOf(self.host.start(PYTHON, Observer("another")))
        assert kernel is self.host.latest
        assert kernel is not self.kernel

    def test_a_failed_start_ends(self) -> None:
        self.kernel.fail("Out of memory.")
        assert str(self.failureResultOf(self.started, StartFailed).value) == "Out of memory."
        assert len(self.observer.ends) == 1
        assert self.host.alive == []

    def test_cancelling_kills_what_was_begun(self) -> None:
        self.started.cancel()
        self.failureResultOf(self.started, CancelledError)
        assert self.kernel.killed
        assert self.observer.ends == [KILLED]
        with pytest.raises(AlreadyCalledError):
            self.kernel.come_up()


class ServiceTests(SynchronousTestCase):
    def test_kernels_can_be_had_when_it_is_up_and_none_is_left_when_it_has_stopped(self) -> None:
        host: HostService = MemoryHost()
        host.claim()
        host.startService()
        assert self.successResultOf(host.when_up()) is None
        observer = Observer()
        self.successResultOf(host.start(PYTHON, observer))
        host.hurry()
        assert observer.ends == []
        assert self.successResultOf(host.stopService()) is None
        assert observer.ends == [KILLED]

    def test_its_environment(self) -> None:
        host = MemoryHost(environment="sage", languages=("sage",), versions={"sage": "10"})
        status = host.status
        assert (status.environment, status.languages) == ("sage", ("sage",))
        assert status.versions == {"sage": "10"}

    def test_its_status(self) -> None:
        host = MemoryHost(features=("landlock",), unbounded=("pipes",))
        before = host.status
        host.rejected["bad_signature"] += 1
        assert before == HostStatus(
            sandbox="none",
            environment="python",
            features=("landlock",),
            unbounded=("pipes",),
            rejected={},
        )
        assert host.status.rejected == {"bad_signature": 1}


@define
class Living:
    """A kernel that is up, and its observer."""

    host: MemoryHost = field(factory=MemoryHost)
    observer: Observer = field(factory=Observer, init=False)
    kernel: MemoryKernel = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.host.start(PYTHON, self.observer)
        self.kernel = self.host.latest


def test_what_is_said_is_heard():
    living = Living()
    asked = code("1")
    message = living.kernel.stream("hello", asked)
    assert living.observer.heard == [message]
    assert message.parent_id == asked.msg_id


def test_a_paused_kernel_is_not_heard_on_iopub_until_it_is_resumed():
    living = Living()
    living.kernel.pause()
    held = [living.kernel.stream("a"), living.kernel.stream("b")]
    answer = living.kernel.reply(code("1"))
    assert living.observer.heard == [answer]
    living.kernel.resume()
    assert living.observer.heard == [answer, *held]


def test_each_message_is_a_slice_unless_the_test_gathers_some():
    living = Living()
    living.kernel.stream("a")
    with living.kernel.one_slice():
        living.kernel.stream("b")
        living.kernel.stream("c")
    assert living.observer.slices == [1, 3]


def test_what_was_held_back_is_one_slice():
    living = Living()
    living.kernel.pause()
    for text in "abc":
        living.kernel.stream(text)
    assert living.observer.slices == []
    living.kernel.resume()
    assert living.observer.slices == [3]


def test_a_kernel_that_is_paused_while_it_is_heard_stops_there():
    living = Living()
    living.kernel.pause()
    for text in "abc":
        living.kernel.stream(text)
    heard = living.observer.heard

    class Pausing(Observer):
        def message_received(self, message: Message) -> None:
            heard.append(message)
            living.kernel.pause()

    living.kernel.observer = Pausing()
    living.kernel.resume()
    assert len(heard) == 1
    living.kernel.resume()
    assert len(heard) == 2


def test_a_shutdown_request_ends_it():
    living = Living()
    living.kernel.send(request("s", "shutdown_request", channel=CONTROL))
    assert living.observer.kinds == ["shutdown_reply"]
    assert living.observer.ends == [Exit(status=0)]


def test_a_stubborn_one_has_to_be_killed():
    living = Living(MemoryHost(stubborn=True))
    asked = request("s", "shutdown_request", channel=CONTROL)
    living.kernel.send(asked)
    assert living.kernel.sent == [asked]
    assert living.observer.ends == []
    living.kernel.kill()
    living.kernel.kill()
    assert living.observer.ends == [KILLED]


def test_a_lingering_one_ends_when_told():
    living = Living(MemoryHost(lingering=True))
    living.kernel.kill()
    assert living.kernel.going
    assert living.observer.ends == []
    living.kernel.end()
    assert living.observer.ends == [KILLED]


def test_the_end_is_told_once_and_last():
    living = Living()
    living.kernel.end(Exit(signal=11))
    living.kernel.end()
    living.kernel.kill()
    living.kernel.stream("too late")
    living.kernel.send(code("1"))
    assert living.observer.ends == [Exit(signal=11)]
    assert living.observer.heard == []
    assert living.kernel.sent == []


def test_a_paused_kernels_last_words_are_heard_before_its_end():
    living = Living()
    living.kernel.pause()
    last = living.kernel.stream("last")
    living.kernel.end()
    assert living.observer.ends == []
    living.kernel.resume()
    assert living.observer.heard == [last]
    assert len(living.observer.ends) == 1


def test_a_host_may_give_up_on_last_words():
    living = Living()
    living.kernel.pause()
    living.kernel.stream("last")
    living.kernel.end()
    living.kernel.forget_last_words()
    assert living.observer.heard == []
    assert len(living.observer.ends) == 1


def test_missed_heartbeats_are_told():
    living = Living()
    living.kernel.miss_heartbeats()
    assert living.observer.missed == 1


# --- answering


def ran(program: str) -> Observer:
    living = Living(MemoryHost(answering=True))
    living.kernel.send(code(program))
    assert {message.parent_id for message in living.observer.heard} == {"r1"}
    return living.observer


AROUND = ["status", "execute_input", "execute_reply", "status"]


@pytest.mark.parametrize(
    ("program", "kinds"),
    [
        ("", []),
        ("1 + 1\nunknown words", []),
        ("print hello", ["stream"]),
        ("display a\ndisplay b", ["display_data", "display_data"]),
        ("save a.txt hello", ["sagecell_file"]),
        ("timeout inf", ["kernel_timeout"]),
        ("raise no\nprint never", ["error"]),
    ],
)
def test_an_answering_kernel_runs_its_words(program: str, kinds: list[str]):
    observer = ran(program)
    assert observer.kinds == [*AROUND[:2], *kinds, *AROUND[2:]]
    states = [observer.heard[end].parsed_content()["execution_state"] for end in (0, -1)]
    assert states == ["busy", "idle"]
    assert observer.heard[-2].channel == SHELL


def test_a_hanging_program_waits_for_the_interrupt():
    living = Living(MemoryHost(answering=True))
    living.kernel.send(code("hang\nprint never"))
    assert living.observer.kinds == AROUND[:2]
    living.kernel.send(request("i", "interrupt_request", channel=CONTROL))
    assert living.observer.kinds[2:] == ["error", "execute_reply", "status", "interrupt_reply"]
    assert living.kernel.interrupts == 1


def test_a_holding_program_waits_for_the_interrupt_from_outside():
    living = Living(MemoryHost(answering=True))
    living.kernel.send(code("hold\nprint never"))
    living.kernel.send(request("i", "interrupt_request", channel=CONTROL))
    assert living.observer.kinds == AROUND[:2]
    living.kernel.interrupt()
    assert living.observer.kinds[2:] == ["error", "execute_reply", "status"]


def test_an_ignoring_program_waits_for_nothing():
    living = Living(MemoryHost(answering=True))
    living.kernel.send(code("ignore\nprint never"))
    living.kernel.send(request("i", "interrupt_request", channel=CONTROL))
    living.kernel.interrupt()
    assert living.observer.kinds == [*AROUND[:2], "interrupt_reply"]
    living.kernel.kill()
    assert living.observer.ends == [KILLED]


def test_an_exit_answers_nothing():
    assert ran("exit 3").ends == [Exit(status=3)]
    assert ran("exit").kinds == AROUND[:2]


def test_other_requests_are_answered_as_a_kernel_does():
    living = Living(MemoryHost(answering=True))
    living.kernel.send(request("i", "kernel_info_request"))
    living.kernel.send(request("c", "comm_msg"))
    info = ["status", "kernel_info_reply", "status"]
    assert living.observer.kinds == [*info, "status", "status"]


@pytest.mark.parametrize("content", [{}, {"code": 7}])
def test_a_request_in_any_shape_is_answered(content: dict[str, object]):
    living = Living(MemoryHost(answering=True))
    living.kernel.send(request(content=content))
    assert living.observer.kinds == AROUND
