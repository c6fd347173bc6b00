"""A stored program comes back unchanged, for pages of any origin."""

from __future__ import annotations

import base64
import json
import zlib
from urllib.parse import quote

from twisted.internet.defer import Deferred, fail

from sagecell_tx.sessions.interfaces import Permalink, StoreFull, StoreUnavailable
from sagecell_tx.testing.stores import MemoryCellStore
from tests.http.loopback import Answer, form
from tests.http.talking import TalkTests, execute
from tests.http.world import SiteTests

ORIGIN = ("Origin", "https://book.example")


def unzipped(text: str) -> str:
    return zlib.decompress(base64.urlsafe_b64decode(text)).decode("utf-8")


class AwayStore(MemoryCellStore):
    """A database that does not answer."""

    def save(self, permalink: Permalink) -> Deferred[str]:
        return fail(StoreUnavailable("The database is away."))

    def find(self, ident: str) -> Deferred[Permalink | None]:
        return fail(StoreUnavailable("The database is away."))


class RateTests(SiteTests):
    """150 programs of 128 kB in 12 seconds, from one address."""

    def save(self, number: int, address: str | None) -> Answer:
        fields = {"code": f"{number:05}" + "x" * 60_000, "interacts": "x" * 60_000}
        headers = [*form(**fields)["headers"], ORIGIN]
        if address:
            headers.append(("X-Forwarded-For", address))
        return self.ask("POST", "/permalink", headers, form(**fields)["body"])

    def statuses(self, address: str | None) -> list[int]:
        found = []
        for number in range(150):
            found.append(self.save(number, address).status)
            self.wait(12 / 150)
        return found

    def test_one_address(self) -> None:
        statuses = self.statuses("192.0.2.1")
        assert statuses.count(200) == 65
        assert set(statuses) == {200, 429}
        while (answer := self.save(0, "192.0.2.1")).status == 200:
            pass
        assert answer.error == "too_many_permalinks_for_address"
        assert int(answer.headers["retry-after"]) <= 3  # rounded up
        assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
        assert self.save(0, "198.51.100.1").status == 200

    def test_a_server_that_asks_for_others_counts_them_itself(self) -> None:
        assert set(self.statuses(None)) == {200}


class FullStore(MemoryCellStore):
    """A database on a disk that is full."""

    def save(self, permalink: Permalink) -> Deferred[str]:
        return fail(StoreFull("There is no room."))


class FullTests(SiteTests):
    def test_no_room(self) -> None:
        self.world.cells = FullStore()
        self.world.__attrs_post_init__()
        answer = self.ask("POST", "/permalink", **form(code="1"))
        assert (answer.status, answer.error) == (503, "store_full")
        assert answer.headers["retry-after"] == "60"


class SavingTests(SiteTests):
    def save(self, **fields: str) -> Answer:
        return self.ask("POST", "/permalink", **form(**fields))

    def test_both_links_bring_the_program_back(self) -> None:
        """contract: 1.15, 1.16, T2"""
        code, interacts = "print('ä')\r\n\t</script>", '[{"a": "b"}]'
        answer = self.save(code=code, language="octave", interacts=interacts)
        assert answer.status == 200
        told = answer.json
        assert set(told) == {"zip", "query", "interacts"}
        assert unzipped(told["zip"]) == code
        assert unzipped(told["interacts"]) == interacts
        found = self.ask("GET", f"/permalink?q={told['query']}")
        assert found.json == [code, "octave", interacts]

    def test_what_is_not_given(self) -> None:
        """contract: 1.15"""
        told = self.save(code="1").json
        assert unzipped(told["interacts"]) == "[]"
        assert self.ask("GET", f"/permalink?q={told['query']}").json == ["1", "sage", "[]"]

    def test_the_same_program_has_the_same_id_that_nobody_guesses(self) -> None:
        """contract: T15"""
        first, again, other = (self.save(code=code).json["query"] for code in ("1", "1", "2"))
        assert first == again != other
        assert len(first) >= 16

    def test_a_number_is_given_back(self) -> None:
        """contract: 1.15"""
        assert self.save(code="1", n="7").json["n"] == 7
        assert self.save(code="1", n="-3").json["n"] == -3

    def test_what_is_no_number(self) -> None:
        for text in ("x", "1.5", "1e5", "9" * 30, "٣", "nan"):
            answer = self.save(code="1", n=text)
            assert (answer.status, answer.error) == (400, "invalid_n")
        assert self.world.cells.permalinks == {}

    def test_a_frame_is_told_in_a_page(self) -> None:
        """contract: 1.15"""
        answer = self.save(code="1", frame="x", n="2")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = answer.body.decode("ascii")
        script = page.removeprefix("<script>parent.postMessage('").removesuffix('\',"*");</script>')
        assert set(json.loads(script)) == {"zip", "query", "interacts", "n"}

    def test_without_code(self) -> None:
        for fields in ({}, {"language": "r"}, {"message": "1"}):
            answer = self.save(**fields)
            assert (answer.status, answer.error) == (400, "missing_code")

    def test_a_program_of_nothing(self) -> None:
        told = self.save(code="").json
        assert self.ask("GET", f"/permalink?q={told['query']}").json == ["", "sage", "[]"]

    def test_code_that_is_too_long(self) -> None:
        assert self.save(code="x" * self.limits.requests.code_characters).status == 200
        answer = self.save(code="x" * (self.limits.requests.code_characters + 1))
        assert (answer.status, answer.error) == (413, "code_too_long")
        answer = self.save(code="x", interacts="x" * (self.limits.requests.code_characters + 1))
        assert (answer.status, answer.error) == (413, "code_too_long")

    def test_text_that_is_none(self) -> None:
        for body in (b"code=%00", b"code=%ff", b"code=%ed%a0%80", b"code=1&interacts=%00"):
            answer = self.ask("POST", "/permalink", form()["headers"], body)
            assert answer.status == 400
            assert answer.error in ("invalid_text", "invalid_encoding")


class FindingTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        self.world.cells.permalinks["abcdef"] = Permalink(code="'\"\\</script>\u2028")

    def test_a_callback_is_given_a_text(self) -> None:
        """contract: 1.16"""
        plain = self.ask("GET", "/permalink?q=abcdef")
        for callback in ("cb", "jQuery19_123", "$.done", "_"):
            answer = self.ask("GET", f"/permalink?q=abcdef&callback={callback}")
            assert answer.headers["content-type"] == "application/javascript; charset=utf-8"
            assert answer.headers["x-content-type-options"] == "nosniff"
            script = answer.body.decode("ascii")
            assert script.startswith(f"{callback}(")
            assert script.endswith(");")
            text = json.loads(script[len(callback) + 1 : -2])
            assert json.loads(text) == plain.json

    def test_a_hostile_callback(self) -> None:
        """contract: 1.16, T7"""
        for callback in ("alert(1);cb", "a-b", "1a", "a..b", "a.", "<script>", "ä", "a" * 129, " "):
            answer = self.ask("GET", f"/permalink?q=abcdef&callback={quote(callback)}")
            assert (answer.status, answer.error) == (400, "invalid_callback"), callback

    def test_an_unknown_id(self) -> None:
        """contract: 1.16, T4"""
        for query in (
            "",
            "?q=",
            "?q=unknown",
            "?q=%00",
            "?q=" + "a" * 100,
            "?q=unknown&callback=cb",
        ):
            answer = self.ask("GET", f"/permalink{query}")
            assert (answer.status, answer.body) == (404, b"ID not found in permalink database")
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"

    def test_head(self) -> None:
        assert self.ask("HEAD", "/permalink?q=abcdef").status == 200


class CorsTests(SiteTests):
    def test_pages_from_anywhere(self) -> None:
        """contract: 1.15"""
        for method, path, headers, body in (
            ("POST", "/permalink", form()["headers"], b"code=1"),
            ("POST", "/permalink", form()["headers"], b""),
            ("GET", "/permalink?q=unknown", [], None),
        ):
            answer = self.ask(method, path, headers, body)
            assert answer.headers["access-control-allow-origin"] == "*"
            answer = self.ask(method, path, [*headers, ORIGIN], body)
            assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
            assert answer.headers["access-control-allow-credentials"] == "true"

    def test_a_preflight(self) -> None:
        answer = self.ask("OPTIONS", "/permalink", [ORIGIN])
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
        assert "POST" in answer.headers["access-control-allow-methods"]

    def test_other_methods(self) -> None:
        answer = self.ask("DELETE", "/permalink")
        assert (answer.status, answer.error) == (405, "method_not_allowed")

    def test_a_database_that_is_away(self) -> None:
        self.world.cells = AwayStore()
        self.world.__attrs_post_init__()
        for method, path, body in (
            ("POST", "/permalink", b"code=1"),
            ("GET", "/permalink?q=abcdef", None),
            ("GET", "/?q=abcdef", None),
        ):
            headers = [*form()["headers"], ORIGIN]
            answer = self.ask(method, path, headers, body)
            assert (answer.status, answer.error) == (503, "store_unavailable")
            assert int(answer.headers["retry-after"]) > 0


class RunTests(TalkTests):
    """Programs that are stored when they are run."""

    def run_program(self, code: str, **fields: str) -> dict[str, str]:
        """Run a program in a new kernel; returns what is told of its permalink."""
        talk = self.talk(self.start(**fields))
        wish = {"sagecell": {"permalink": True}, "language": "python"}
        talk.say(execute(code, metadata=wish))
        (told,) = talk.talker.heard("sagecell_permalink")
        assert told["parent_header"]["msg_id"] == "m1"
        assert told["channel"] == "iopub"
        assert talk.talker.text == "1\n"
        content: dict[str, str] = told["content"]
        return content

    def swept(self) -> int:
        """How many expire, when all that can expire does."""
        return self.successResultOf(self.world.permalinks.sweep(float("inf")))

    def test_a_run_without_a_wish_stores_nothing(self) -> None:
        talk = self.talk(self.start())
        talk.say(execute("print 1"))
        assert talk.talker.text == "1\n"
        assert talk.talker.heard("sagecell_permalink") == []
        assert self.swept() == 0

    def test_its_link_brings_the_program_back_and_stays_from_then_on(self) -> None:
        told = self.run_program("print 1")
        assert told == {"id": told["id"], "address": f"/?q={told['id']}"}
        for _ in range(2):
            found = self.ask("GET", f"/permalink?q={told['id']}")
            assert found.json == ["print 1", "python", "[]"]
            assert self.swept() == 0

    def test_what_was_not_opened_expires(self) -> None:
        told = self.run_program("print 1")
        assert self.swept() == 1
        for method, fields in (("GET", {}), ("POST", form(q=told["id"]))):
            path = f"/permalink?q={told['id']}" if method == "GET" else "/permalink"
            assert self.ask(method, path, **fields).status == 404

    def test_what_is_shared_stays(self) -> None:
        told = self.run_program("print 1")
        answer = self.ask("POST", "/permalink", **form(q=told["id"]))
        assert answer.json["query"] == told["id"]
        assert unzipped(answer.json["zip"]) == "print 1"
        assert unzipped(answer.json["interacts"]) == "[]"
        assert self.swept() == 0

    def test_one_page_one_id(self) -> None:
        page = [self.run_program("print 1", CellSessionID="a")["id"] for _ in range(2)]
        other = self.run_program("print 1", CellSessionID="b")["id"]
        nameless = [self.run_program("print 1")["id"] for _ in range(2)]
        assert page[0] == page[1]
        assert len({*page, other, *nameless}) == 4

    def test_keeping_counts_like_making(self) -> None:
        told = self.run_program("print 1")
        headers = [*form(q=told["id"])["headers"], ("X-Forwarded-For", "192.0.2.1")]
        statuses = [
            self.ask("POST", "/permalink", headers, form(q=told["id"])["body"]).status
            for _ in range(61)
        ]
        assert statuses == [200] * 60 + [429]

    def test_hostile_ids_are_not_kept(self) -> None:
        for ident in ("", "nope", "x" * 10_000, "\0", "' OR 1=1 --"):
            assert self.ask("POST", "/permalink", **form(q=ident)).status in (400, 404)
