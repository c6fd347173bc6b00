"""Files come in pieces from a kernel that may send anything."""

from __future__ import annotations

import json
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import FileLimits
from sagecell_tx.sessions.admission.storagebudgets import ENTRY, Metered
from sagecell_tx.sessions.interfaces import FileRefused, StoreFull, StoreUnavailable
from sagecell_tx.sessions.lifecycle.uploads import UploadOutcome, Uploads
from sagecell_tx.wire.messages import Message
from tests.sessions.samples import KERNEL_ID, request, said
from tests.sessions.slowstore import SlowStore

LIMITS = FileLimits(file_bytes=100, session_bytes=250, session_files=3)
ASKED = request()


def piece(data: bytes = b"", **content: Any) -> Message:
    whole = {"name": "a.txt", "size": len(data), "mtime": 12.5, "offset": 0, "last": True}
    message = said("sagecell_file", {**whole, **content}, ASKED)
    return attrs.evolve(message, buffers=(data,))


class Refusals(list[str]):
    """The sentences that a session's user reads."""

    def __call__(self, sentence: str, parent_header: bytes) -> None:
        assert parent_header == ASKED.header
        self.append(sentence)


class UploadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = SlowStore(prompt=True)
        self.refusals = Refusals()
        self.uploads = Uploads(
            kernel_id=KERNEL_ID, store=self.store, limits=LIMITS, refuse=self.refusals
        )

    def receive(self, *pieces: Message) -> None:
        for message in pieces:
            self.outcome = self.successResultOf(self.uploads.receive(message))

    def stored(self, name: str = "a.txt") -> bytes | None:
        file = self.successResultOf(self.store.find(KERNEL_ID, name))
        if file is None:
            return None
        return self.successResultOf(self.store.read(file, 0, 10**6))

    def refused(self, *pieces: Message, words: str) -> None:
        """The last piece is refused with one sentence that has these words."""
        self.receive(*pieces[:-1])
        before = len(self.refusals)
        self.receive(pieces[-1])
        (sentence,) = self.refusals[before:]
        assert words in sentence

    # --- well-formed pieces

    def test_a_file_in_one_piece(self) -> None:
        self.receive(piece(b"contents"))
        assert self.stored() == b"contents"
        assert self.refusals == []
        assert self.outcome == UploadOutcome("a.txt", saved=True)

    def test_what_became_of_a_file_is_told_once(self) -> None:
        outcomes = []
        for data, offset, last in ((b"x", 0, False), (b"y", 5, True), (b"z", 6, True)):
            self.receive(piece(data, offset=offset, last=last))
            outcomes.append(self.outcome)
        assert outcomes == [None, UploadOutcome("a.txt", saved=False), None]

    def test_the_saved_files_are_known_in_order(self) -> None:
        self.receive(piece(name="b"), piece(name="a"), piece(name="b"), piece(name="c", last=False))
        self.receive(piece(name="../d"))
        assert self.uploads.saved == ["b", "a"]

    def test_who_may_store_no_more_is_told_so(self) -> None:
        counted: list[int] = []

        def count(name: str, size: int) -> None:
            if sum(counted) + size > 2 * ENTRY + 10:
                raise FileRefused(f"Not {name}.")
            counted.append(size)

        self.uploads.store = Metered(self.store, count)
        self.receive(piece(b"1234", last=False), piece(b"56", offset=4))
        assert counted == [ENTRY, 4, 2]
        self.refused(piece(b"12345", name="b"), words="Not b.")
        assert self.stored("b") is None
        self.refused(piece(b"", name="c"), words="Not c.")
        assert self.stored() == b"123456"
        assert self.store.open == 0

    def test_a_full_disk_has_a_sentence(self) -> None:
        self.store.failure = StoreFull("The disk is full.")
        self.store.down = {"write"}
        self.refused(piece(b"x"), words="could not be saved. The disk is full.")

    def test_a_file_that_is_lost_after_all_is_told(self) -> None:
        metered = Metered(self.store, lambda name, size: None)
        self.uploads = Uploads(
            kernel_id=KERNEL_ID, store=metered, limits=LIMITS, refuse=self.refusals
        )
        self.receive(piece(b"1", name="a.txt"), piece(b"2", name="b.txt"))
        self.store.on_lost["a.txt"]("It is gone.")
        assert self.refusals == ["It is gone."]
        assert self.uploads.saved == ["b.txt"]

    def test_a_file_in_pieces(self) -> None:
        self.receive(piece(b"one ", last=False), piece(b"two", offset=4, last=False))
        assert self.stored() is None
        self.receive(piece(b"!", offset=7))
        assert self.stored() == b"one two!"
        assert self.store.open == 0

    def test_an_empty_file(self) -> None:
        self.receive(piece())
        assert self.stored() == b""

    def test_an_empty_file_without_a_buffer(self) -> None:
        self.receive(attrs.evolve(piece(), buffers=()))
        assert self.stored() == b""

    def test_a_newer_file_takes_the_name(self) -> None:
        self.receive(piece(b"old"), piece(b"new"))
        assert self.stored() == b"new"

    def test_the_time_is_kept(self) -> None:
        self.receive(piece(b"x"))
        file = self.successResultOf(self.store.find(KERNEL_ID, "a.txt"))
        assert file is not None
        assert file.mtime == 12.5

    def test_the_next_piece_may_come_when_this_one_is_stored(self) -> None:
        self.store.prompt = False
        received = self.uploads.receive(piece(b"x"))
        self.assertNoResult(received)
        self.store.let_go()
        self.assertNoResult(received)
        self.store.let_go()
        self.successResultOf(received)
        assert self.stored() == b"x"

    def test_closing_drops_the_file_that_is_not_whole(self) -> None:
        self.receive(piece(b"x", last=False))
        self.successResultOf(self.uploads.close())
        assert self.store.open == 0
        self.successResultOf(self.uploads.close())

    # --- hostile pieces

    def test_wrong_types(self) -> None:
        for wrong in (
            {"mtime": "now"},
            {"mtime": None},
            {"mtime": [1]},
            {"offset": 0.0},
            {"offset": "0"},
            {"offset": False},
            {"offset": None},
            {"last": 1},
            {"last": None},
            {"last": "yes"},
        ):
            self.refused(piece(b"x", **wrong), words="malformed")

    def test_what_is_no_object_at_all(self) -> None:
        for content in (b"[]", b"{", b'{"name": NaN}', b"null"):
            self.refused(attrs.evolve(piece(), content=content), words="was not saved")

    def test_two_buffers(self) -> None:
        self.refused(attrs.evolve(piece(), buffers=(b"a", b"b")), words="malformed")

    def test_no_name(self) -> None:
        for name in (None, 7, ["a"], {"a": 1}):
            self.refused(piece(b"x", name=name), words="without a name")

    def test_bad_names(self) -> None:
        for name in ("", "../a", "/etc/passwd", "a/../../b", "a\0b", "x" * 4096):
            self.refused(piece(b"x", name=name), words="was not saved")
        assert self.store.open == 0

    def test_times_that_no_clock_shows_are_brought_into_range(self) -> None:
        for mtime, kept in (
            (10**400, 253_402_300_799.0),
            (1e300, 253_402_300_799.0),
            (-(10**400), 0.0),
            (-1, 0.0),
        ):
            self.receive(piece(b"x", mtime=mtime))
            file = self.successResultOf(self.store.find(KERNEL_ID, "a.txt"))
            assert file is not None
            assert file.mtime == kept

    def test_an_infinite_time(self) -> None:
        message = piece(b"x")
        content = message.content.replace(b"12.5", b"1e999")
        self.receive(attrs.evolve(message, content=content))
        assert self.stored() == b"x"

    def test_a_first_piece_missing(self) -> None:
        self.refused(piece(b"x", offset=5), words="a piece of it is missing")

    def test_a_piece_missing(self) -> None:
        self.refused(
            piece(b"one", last=False), piece(b"x", offset=5), words="a piece of it is missing"
        )
        assert self.store.open == 0
        assert self.stored() is None

    def test_a_piece_twice(self) -> None:
        self.refused(
            piece(b"one", last=False),
            piece(b"two", offset=3, last=False),
            piece(b"two", offset=3),
            words="a piece of it is missing",
        )

    def test_a_negative_offset(self) -> None:
        self.refused(piece(b"x", offset=-1), words="a piece of it is missing")

    def test_another_file_in_between(self) -> None:
        self.refused(
            piece(b"one", last=False),
            piece(b"whole", name="b.txt"),
            piece(b"two", offset=3),
            words="'a.txt' was not saved: a piece",
        )
        assert self.stored("b.txt") == b"whole"
        assert self.store.open == 0

    def test_the_rest_of_a_refused_file_is_dropped_in_silence(self) -> None:
        self.refused(
            piece(b"x" * 60, last=False), piece(b"x" * 60, offset=60, last=False), words="too large"
        )
        self.receive(piece(b"x", offset=120, last=False), piece(b"x", offset=121))
        assert len(self.refusals) == 1
        assert self.stored() is None

    def test_a_refused_file_may_be_tried_again(self) -> None:
        self.refused(piece(b"x" * 101), words="too large")
        self.receive(piece(b"x" * 100))
        assert self.stored() == b"x" * 100

    # --- budgets

    def test_the_largest_file(self) -> None:
        self.receive(piece(b"x" * 100))
        assert self.refusals == []
        self.refused(piece(b"x" * 101), words="too large")

    def test_no_room_for_more_bytes(self) -> None:
        self.receive(piece(b"x" * 100, name="a"), piece(b"x" * 100, name="b"))
        self.refused(piece(b"x" * 51, name="c"), words="size limit")
        self.receive(piece(b"x" * 50, name="c"))
        assert self.stored("c") == b"x" * 50

    def test_no_room_for_more_files(self) -> None:
        self.receive(*(piece(b"x", name=name) for name in "abc"))
        self.refused(piece(b"x", name="d"), words="Too many files")
        self.receive(piece(b"y", name="a"))
        assert self.stored("a") == b"y"

    def test_what_was_refused_takes_no_room(self) -> None:
        for _ in range(10):
            self.refused(
                piece(b"x" * 90, last=False), piece(b"x" * 90, offset=90), words="too large"
            )
        self.receive(*(piece(b"x" * 83, name=name) for name in "abc"))
        assert len(self.refusals) == 10

    def test_what_was_given_up_takes_no_room(self) -> None:
        for _ in range(10):
            self.receive(piece(b"x" * 90, last=False))
        self.receive(*(piece(b"x" * 83, name=name) for name in "abc"))
        assert self.refusals == []
        assert self.store.open == 0

    # --- the database fails

    def test_a_write_fails(self) -> None:
        self.store.down = {"write"}
        self.refused(piece(b"x" * 90, last=False), words="could not be saved")
        self.receive(piece(b"x", offset=90))
        assert len(self.refusals) == 1
        assert self.store.open == 0

    def test_a_commit_fails(self) -> None:
        self.store.down = {"commit"}
        for _ in range(10):
            self.refused(piece(b"x" * 90), words="could not be saved")
        assert self.store.open == 0
        self.store.down = set()
        self.receive(*(piece(b"x" * 83, name=name) for name in "abc"))
        assert len(self.refusals) == 10

    def test_abandoning_fails(self) -> None:
        self.store.down = {"abandon"}
        self.receive(piece(b"x", last=False), piece(b"y", name="b"))
        assert self.stored("b") == b"y"
        self.receive(piece(b"x", last=False))
        self.successResultOf(self.uploads.close())
        assert len(self.flushLoggedErrors(StoreUnavailable)) == 2


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b", "../c", ""]) | JSONS,
        "mtime": st.integers() | st.just(10**400) | JSONS,
        "offset": st.integers(-1, 5) | JSONS,
        "last": st.booleans() | JSONS,
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(CONTENTS, st.binary(max_size=60)), max_size=12))
def test_whatever_comes_nothing_fails_and_nothing_stays_open(
    pieces: list[tuple[dict[str, Any], bytes]],
):
    store = SlowStore(prompt=True)
    uploads = Uploads(kernel_id=KERNEL_ID, store=store, limits=LIMITS, refuse=Refusals())
    fired: list[UploadOutcome | None] = []
    for content, data in pieces:
        message = attrs.evolve(piece(data), content=json.dumps(content).encode())
        uploads.receive(message).addBoth(fired.append)
        assert store.open <= 1
    uploads.close().addCallback(lambda _: fired.append(None))
    assert len(fired) == len(pieces) + 1
    assert all(each is None or isinstance(each, UploadOutcome) for each in fired)
    assert store.open == 0
