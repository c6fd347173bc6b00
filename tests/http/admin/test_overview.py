"""What the admin page is told."""

from __future__ import annotations

import json

from sagecell_tx.http.admin.overview import SESSIONS
from sagecell_tx.limits import AdmissionLimits, Limits
from sagecell_tx.sessions.interfaces import Usage
from tests.http.admin.pages import AdminTests
from tests.http.talking import execute

#: What a stranger claims to be.
HOSTILE = "https://<script>alert(1)</script>.example"


class OverviewTests(AdminTests):
    limits = Limits(admission=AdmissionLimits(kernels=3, kernels_per_site=2))

    def test_a_server_at_rest(self) -> None:
        told = self.overview()
        assert told["status"] == self.ask("GET", "/status.json").json
        assert told["sessions"] == told["budgets"] == told["queue"] == told["sites"] == []
        assert told["places"]["kernel"] == {
            "taken": 0,
            "limit": 3,
            "waiting": 0,
            "queue_limit": 128,
        }
        assert told["machines"] == [
            {
                "name": "local",
                "state": "up",
                "kernels": 0,
                "load": None,
                "memory_available_bytes": None,
            }
        ]
        assert (told["can_drain"], told["uptime_seconds"]) == (True, 0)

    def test_a_session(self) -> None:
        kernel_id = self.kernel(Origin="https://book.example", X_Forwarded_For="203.0.113.77")
        self.wait(5)
        self.world.host.used[kernel_id] = Usage(cpu_seconds=1.234, memory_bytes=5000)
        (session,) = self.overview()["sessions"]
        handle = session.pop("handle")
        assert session == {
            "kernel": f"{kernel_id[:8]}-...",
            "kind": "python3",
            "purpose": "kernel",
            "state": "unclaimed",
            "age_seconds": 5,
            "cpu_seconds": 1.23,
            "memory_bytes": 5000,
            "waiting_bytes": 0,
            "listeners": 0,
            "site": "book.example",
            "address": "203.0.113.0/24",
            "key": "",
        }
        assert len(handle) == 24
        assert handle not in kernel_id

    def test_neither_a_whole_id_nor_an_address_is_told(self) -> None:
        kernel_id = self.kernel(X_Forwarded_For="203.0.113.77")
        told = json.dumps(self.overview())
        assert kernel_id not in told
        assert kernel_id[9:] not in told
        assert "203.0.113.77" not in told
        assert "203.0.113.0/24" in told

    def test_states(self) -> None:
        kernel_id = self.kernel()
        self.world.host.answering = False

        def state() -> str:
            (session,) = self.overview()["sessions"]
            return str(session["state"])

        assert state() == "unclaimed"
        self.world.host.latest.answering = False
        self.ask("POST", f"/kernel/{kernel_id}/messages", body=execute("1"))
        assert state() == "busy"
        self.world.host.latest.finish(self.world.host.latest.sent[-1])
        assert state() == "idle"
        self.wait(self.limits.lifetime.detached_seconds)
        assert state() == "detached"
        self.world.host.latest.stubborn = True
        self.ask("DELETE", f"/kernel/{kernel_id}")
        assert state() == "stopping"

    def test_measurements_are_not_repeated_within_a_second(self) -> None:
        kernel_id = self.kernel()
        assert self.overview()["sessions"][0]["cpu_seconds"] is None
        self.world.host.used[kernel_id] = Usage(cpu_seconds=1, memory_bytes=1)
        assert self.overview()["sessions"][0]["cpu_seconds"] is None
        self.wait(1)
        assert self.overview()["sessions"][0]["cpu_seconds"] == 1

    def test_budgets_sites_and_the_queue(self) -> None:
        for number in range(3):
            self.kernel(X_Forwarded_For=f"203.0.113.{number}", Origin=HOSTILE if number else "")
        waiting = self.world.connect()
        waiting.send(
            b"POST /kernel HTTP/1.1\r\nHost: h\r\nOrigin: https://late.example\r\n"
            b"X-Forwarded-For: 2001:db8:1:2::7\r\nContent-Length: 0\r\n\r\n"
        )
        told = self.overview()
        assert told["places"]["kernel"]["waiting"] == 1
        assert told["queue"] == [
            {
                "purpose": "kernel",
                "position": 1,
                "site": "late.example",
                "address": "2001:db8:1::/48",
                "key": "",
            }
        ]
        (site, *_) = told["sites"]
        assert site["begun"] == site["live"] == 2
        budgets = {(each["scope"], each["name"]): each for each in told["budgets"]}
        assert budgets["site", site["site"]]["kernels"] == 2
        assert budgets["site", site["site"]]["limit"] == 2
        assert budgets["network", "203.0.113.0/24"]["kernels"] == 3
        assert {scope for scope, _ in budgets} == {"address", "network", "site"}
        waiting.hang_up()

    def test_draining(self) -> None:
        self.world.fleet.drain()
        seconds = self.limits.lifetime.drain_seconds
        assert self.overview()["status"]["draining"] == {"seconds_left": seconds}


class ManySessionsTests(AdminTests):
    limits = Limits(admission=AdmissionLimits(kernels=SESSIONS + 5))

    def test_those_that_use_most_are_told(self) -> None:
        ids = [self.kernel() for _ in range(SESSIONS + 2)]
        self.world.host.used[ids[-1]] = Usage(cpu_seconds=9, memory_bytes=1)
        told = self.overview()
        assert told["sessions_total"] == SESSIONS + 2
        assert len(told["sessions"]) == SESSIONS
        assert [each["cpu_seconds"] for each in told["sessions"] if each["cpu_seconds"]] == [9]
