"""Every exhausted budget gives 429 in JSON with Retry-After, and pages may read it."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address

from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.limits import AdmissionLimits, Limits, Rate
from sagecell_tx.sessions.admission.refusals import TOO_MANY_KERNELS, TOO_MANY_STARTS
from tests.http.loopback import Answer, request
from tests.http.world import SiteTests, World

KEY = "a-key-of-some-length"
ONE = Rate(burst=1, per_minute=2)

#: For each kind of budget: two requests that share a budget of that kind, and no narrower one.
BUDGETS: dict[str, tuple[list[str], list[str]]] = {
    "address": (["192.0.2.1"], ["192.0.2.1"]),
    "network": (["192.0.2.1"], ["192.0.2.2"]),
    "site": (["192.0.2.1"], ["198.51.100.2"]),
    "cell_session": (["192.0.2.1", "page"], ["198.51.100.2", "page"]),
    "key": (["192.0.2.1", "", KEY], ["198.51.100.2", "", KEY]),
}


class RefusalTests(SiteTests):
    def told(self, world: World, path: str, address: str, page: str = "", key: str = "") -> Answer:
        headers = [("X-Forwarded-For", address), ("Origin", "https://book.example")]
        if key:
            headers.append(("Authorization", f"Bearer {key}"))
        connection = world.connect()
        query = "?code=1" + (f"&CellSessionID={page}" if page else "")
        connection.send(request("POST", path + query, headers, b""))
        return connection.answer("POST")

    def refused(self, path: str, scope: str, limits: dict[str, Any]) -> Answer:
        """The answer to the second of two requests that have only `scope` in common."""
        first, second = BUDGETS[scope]
        world = World(
            limits=Limits(admission=AdmissionLimits(**limits)),
            client=self.folder,
            clients=Clients(keys={"school": KEY}),
        )
        assert self.told(world, path, *first).status == 200
        answer = self.told(world, path, *second)
        assert answer.status == 429
        assert answer.headers["access-control-allow-origin"] == "https://book.example"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        return answer

    def test_too_many_at_a_time(self) -> None:
        for scope in BUDGETS:
            answer = self.refused("/kernel", scope, {f"kernels_per_{scope}": 1})
            assert answer.error == f"too_many_kernels_for_{scope}"
            assert answer.headers["retry-after"] == "5"

    def test_too_many_in_a_minute(self) -> None:
        for scope in BUDGETS:
            for path in ("/kernel", "/service"):
                if (scope, path) == ("cell_session", "/service"):
                    continue  # it has no pages
                answer = self.refused(path, scope, {f"starts_per_{scope}": ONE})
                assert answer.error == f"too_many_starts_for_{scope}"
                assert answer.headers["retry-after"] == "30"
                assert "in 30 seconds" in answer.json["message"]

    def test_too_many_of_all(self) -> None:
        answer = self.refused("/kernel", "site", {"starts": ONE})
        assert answer.error == "too_many_starts"

    def test_every_word_is_tried_here(self) -> None:
        tried = {
            f"too_many_{what}_for_{scope}" for what in ("kernels", "starts") for scope in BUDGETS
        }
        words = [code for code, _ in [*TOO_MANY_KERNELS.values(), *TOO_MANY_STARTS.values()]]
        assert set(words) == tried | {"too_many_starts"}

    def test_the_status_has_its_own_words(self) -> None:
        world = World(limits=Limits(admission=AdmissionLimits(starts=ONE)), client=self.folder)
        for words in (b"200 OK", b"429 Too Many Requests"):
            connection = world.connect()
            connection.send(request("POST", "/kernel", [], b""))
            assert connection.ear.heard.startswith(b"HTTP/1.1 " + words + b"\r\n")

    def test_coming_back_when_told_is_coming_back_in_time(self) -> None:
        world = World(
            limits=Limits(admission=AdmissionLimits(starts_per_address=ONE)), client=self.folder
        )
        for _ in range(3):
            assert self.told(world, "/kernel", "192.0.2.1").status == 200
            answer = self.told(world, "/kernel", "192.0.2.1")
            assert answer.status == 429
            world.clock.advance(int(answer.headers["retry-after"]))

    def test_an_unknown_key(self) -> None:
        for path in ("/kernel", "/service"):
            world = World(limits=Limits(), client=self.folder)
            answer = self.told(world, path, "192.0.2.1", key=KEY)
            assert (answer.status, answer.error) == (401, "unknown_key")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["access-control-allow-origin"] == "https://book.example"
            assert world.host.kernels == []

    def test_a_key_lifts_the_budgets_of_an_address(self) -> None:
        limits = Limits(
            admission=AdmissionLimits(
                starts_per_address=ONE, starts_per_network=ONE, starts_per_site=ONE
            )
        )
        world = World(limits=limits, client=self.folder, clients=Clients(keys={"school": KEY}))
        for _ in range(3):
            assert self.told(world, "/kernel", "192.0.2.1", key=KEY).status == 200
        assert self.told(world, "/kernel", "192.0.2.1").status == 200
        assert self.told(world, "/kernel", "192.0.2.1").status == 429

    def test_a_peer_that_is_no_proxy_cannot_name_another(self) -> None:
        world = World(
            limits=Limits(admission=AdmissionLimits(starts_per_address=ONE)), client=self.folder
        )
        answers = []
        for number in range(2):
            connection = world.connect(peer=IPv4Address("TCP", "203.0.113.9", 40000))
            headers = [("X-Forwarded-For", f"192.0.2.{number}"), ("X-Proto", "https")]
            connection.send(request("POST", "/kernel", headers, b""))
            answers.append(connection.answer("POST"))
        assert answers[0].json["ws_url"] == "ws://cells.example/"
        assert answers[1].error == "too_many_starts_for_address"

    def test_programs_on_this_machine_are_not_counted_by_address(self) -> None:
        world = World(
            limits=Limits(admission=AdmissionLimits(starts_per_address=ONE)), client=self.folder
        )
        for _ in range(3):
            connection = world.connect()
            connection.send(request("POST", "/kernel", [], b""))
            assert connection.answer("POST").status == 200
