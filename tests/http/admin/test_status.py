"""The status that a server publishes."""

from __future__ import annotations

from sagecell_tx import __version__
from tests.http.loopback import form
from tests.http.world import SiteTests


class StatusTests(SiteTests):
    def test_a_server_at_rest(self) -> None:
        answer = self.ask("GET", "/status.json")
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json == {
            "version": __version__,
            "starting": False,
            "draining": None,
            "environment": "python",
            "languages": ["python"],
            "versions": {"python": "3"},
            "sandbox": "none",
            "features": ["landlock"],
            "unbounded": ["pipes"],
            "kernels": {
                "running": 0,
                "ready": 0,
                "limit": self.limits.admission.kernels + self.limits.admission.service_kernels + 1,
                "ended": {},
                "ended_lately": {},
            },
            "queue": {"kernel": 0, "service": 0, "completer": 0},
            "refused": {},
            "messages_rejected": {},
        }

    def test_kernels_and_dropped_messages_are_counted(self) -> None:
        first = self.ask("POST", "/kernel", **form()).json["id"]
        self.ask("POST", "/kernel", **form())
        self.ask("DELETE", f"/kernel/{first}")
        self.world.host.rejected["invalid_signature"] += 1
        self.world.ready = 2
        told = self.ask("GET", "/status.json").json
        assert told["kernels"]["running"] == 1
        assert told["kernels"]["ready"] == 2
        assert told["kernels"]["ended"] == {"stopped": 1}
        assert told["kernels"]["ended_lately"] == {"stopped": 1}
        self.wait(3600)
        told = self.ask("GET", "/status.json").json
        assert told["kernels"]["ended"]["stopped"] == 1
        assert "stopped" not in told["kernels"]["ended_lately"]
        assert told["messages_rejected"] == {"invalid_signature": 1}

    def test_any_page_may_read_it(self) -> None:
        answer = self.ask("GET", "/status.json")
        assert answer.headers["access-control-allow-origin"] == "*"
        answer = self.ask("GET", "/status.json", [("Origin", "https://book.example")])
        assert answer.headers["access-control-allow-origin"] == "https://book.example"

    def test_a_server_that_starts_no_kernels_is_not_ready(self) -> None:
        ready = "/status.json?ready=1"
        assert self.ask("GET", ready).json == self.ask("GET", "/status.json").json
        self.world.host.starting = True
        assert (self.ask("GET", ready).status, self.ask("GET", ready).error) == (404, "loading")
        assert self.ask("GET", "/status.json").status == 200
        self.world.host.starting = False
        self.ask("POST", "/kernel", **form(timeout="600"))
        self.world.fleet.drain()
        self.wait(10)
        assert self.ask("GET", "/status.json").json["draining"] == {"seconds_left": 290}
        answer = self.ask("GET", ready)
        assert (answer.status, answer.error) == (404, "draining")
        assert answer.headers["access-control-allow-origin"] == "*"

    def test_it_is_only_read(self) -> None:
        answer = self.ask("POST", "/status.json", body=b"")
        assert (answer.status, answer.error) == (405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
