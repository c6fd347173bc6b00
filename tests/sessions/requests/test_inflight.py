"""A reply and an idle status come in either order; clients get them in one."""

from sagecell_tx.sessions.requests.inflight import Ending, InFlight
from tests.sessions.samples import reply, request, said, status


def sent(*requests, most=1 << 20):
    in_flight = InFlight(most)
    for message in requests:
        in_flight.sent(message)
    return in_flight


def test_a_request_is_in_flight_until_it_is_over():
    asked = request()
    in_flight = sent(asked)
    assert asked.msg_id in in_flight
    assert len(in_flight) == 1
    in_flight.replied(reply(asked))
    assert asked.msg_id in in_flight
    in_flight.went_idle(status("idle", asked))
    assert asked.msg_id not in in_flight
    assert len(in_flight) == 0


def test_a_reply_waits_for_idle():
    asked = request()
    in_flight = sent(asked)
    answer, idle = reply(asked), status("idle", asked)
    assert in_flight.replied(answer) == Ending(())
    assert in_flight.went_idle(idle) == Ending((answer, idle), over=True, executed=True)


def test_idle_waits_for_the_reply():
    asked = request()
    in_flight = sent(asked)
    answer, idle = reply(asked), status("idle", asked)
    assert in_flight.went_idle(idle) == Ending(())
    assert in_flight.replied(answer) == Ending((answer, idle), over=True, executed=True)


def test_an_execution_that_is_idle_without_a_reply_is_unanswered():
    first, second, other = request("r1"), request("r2"), request("r3", "kernel_info_request")
    in_flight = sent(first, second, other)
    assert in_flight.unanswered == []
    in_flight.replied(reply(second))
    for asked in (other, first):
        in_flight.went_idle(status("idle", asked))
    assert in_flight.unanswered == [in_flight.get("r1")]
    in_flight.replied(reply(first))
    assert in_flight.unanswered == []


def test_an_interact_is_an_execution():
    """contract: 2.6"""
    asked = request(msg_type="sagenb.interact.update_interact")
    in_flight = sent(asked)
    in_flight.went_idle(status("idle", asked))
    assert in_flight.replied(reply(asked)).executed


def test_a_request_that_runs_nothing_is_answered_at_once_and_over_when_idle():
    asked = request(msg_type="kernel_info_request")
    in_flight = sent(asked)
    answer, idle = reply(asked), status("idle", asked)
    assert in_flight.replied(answer) == Ending((answer,))
    assert in_flight.went_idle(idle) == Ending((idle,), over=True)


def test_a_reply_after_idle_to_a_request_that_runs_nothing_passes():
    asked = request(msg_type="kernel_info_request")
    in_flight = sent(asked)
    in_flight.went_idle(status("idle", asked))
    answer = reply(asked)
    assert in_flight.replied(answer) == Ending((answer,))


def test_a_comm_message_is_over_without_a_reply():
    asked = request(msg_type="comm_msg")
    in_flight = sent(asked)
    idle = status("idle", asked)
    assert in_flight.went_idle(idle) == Ending((idle,), over=True)


def test_what_has_an_unknown_parent_passes():
    in_flight = sent(request("r1"))
    stranger = request("r2")
    answer, idle = reply(stranger), status("idle", stranger)
    assert in_flight.replied(answer) == Ending((answer,))
    assert in_flight.went_idle(idle) == Ending((idle,))
    assert len(in_flight) == 1


def test_what_has_no_parent_passes():
    idle = said("status", {"execution_state": "idle"})
    assert sent(request()).went_idle(idle) == Ending((idle,))


def test_a_second_end_passes():
    asked = request()
    in_flight = sent(asked)
    in_flight.replied(reply(asked))
    in_flight.went_idle(status("idle", asked))
    again, idle = reply(asked), status("idle", asked)
    assert in_flight.replied(again) == Ending((again,))
    assert in_flight.went_idle(idle) == Ending((idle,))


def test_requests_end_in_any_order():
    first, second = request("r1"), request("r2")
    in_flight = sent(first, second)
    in_flight.replied(reply(first))
    in_flight.went_idle(status("idle", second))
    assert in_flight.replied(reply(second)).over
    assert len(in_flight) == 1
    assert in_flight.went_idle(status("idle", first)).over
    assert len(in_flight) == 0


def test_abandoning_gives_what_was_kept_back_in_order():
    first, second, third = request("r1"), request("r2"), request("r3")
    in_flight = sent(first, second, third)
    idle, answer = status("idle", first), reply(second)
    in_flight.went_idle(idle)
    in_flight.replied(answer)
    assert in_flight.abandon() == (idle, answer)
    assert len(in_flight) == 0
    assert in_flight.abandon() == ()


def test_ends_that_are_kept_back_have_a_bound():
    requests = [request(f"r{n}") for n in range(1000)]
    in_flight = sent(*requests, most=50_000)
    answers = [reply(asked, text="x" * 1000) for asked in requests]
    kept = [answer for answer in answers if in_flight.replied(answer) == Ending(())]
    assert 10 < len(kept) < 50
    assert sum(answer.size for answer in kept) <= 50_000
    for asked, answer in zip(requests[:5], kept[:5], strict=True):
        idle = status("idle", asked)
        assert in_flight.went_idle(idle).messages == (answer, idle)
    # Now there is room again, also for the same one.
    for _ in range(3):
        assert in_flight.replied(answers[500]) == Ending(())
    assert in_flight.abandon() == (*kept[5:], answers[500])
    assert in_flight.replied(answers[600]) == Ending((answers[600],))


def test_an_idle_status_that_is_too_long_to_keep_is_no_end():
    asked = request()
    in_flight = sent(asked, most=50_000)
    idle = said("status", {"execution_state": "idle", "x": "x" * 50_000}, asked)
    assert in_flight.went_idle(idle) == Ending((idle,))
    assert len(in_flight) == 1


def test_running_is_an_execution_until_the_first_of_its_ends():
    first, second, third = request("r1"), request("r2"), request("r3")
    in_flight = sent(first, second, third, request("r4", "kernel_info_request"))
    assert in_flight.running == ["r1", "r2", "r3"]
    in_flight.replied(reply(first))
    in_flight.went_idle(status("idle", second))
    assert in_flight.running == ["r3"]


def test_what_was_said_is_counted_for_each_request():
    in_flight = sent(request("r1"), request("r2"))
    noted = in_flight.get("r1")
    assert noted is not None
    noted.output_bytes += 7
    other = in_flight.get("r2")
    assert other is not None
    assert (other.output_bytes, other.silenced) == (0, False)
    assert in_flight.get("r3") is None
