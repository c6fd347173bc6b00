"""Kernels are in the list of a token; whoever knows an id can use the kernel."""

from __future__ import annotations

import json

from sagecell_tx.limits import JupyterLimits, Limits
from sagecell_tx.sessions.endreasons import Reason
from tests.http.loopback import form, request
from tests.sessions.samples import code

from .asclient import ALICE, BOB, NOBODY, JupyterTests, refusal


class KernelsTests(JupyterTests):
    def test_a_kernel_begins_and_ends(self) -> None:
        answer = self.call("POST", "/kernels", {"name": "python3", "path": "a.ipynb", "env": {}})
        assert answer.status == 201
        model = answer.json
        assert model == {
            "id": model["id"],
            "name": "python3",
            "last_activity": "2026-01-01T00:00:00.000000Z",
            "execution_state": "idle",
            "connections": 0,
        }
        assert answer.headers["location"] == f"/api/kernels/{model['id']}"
        assert answer.headers["jupyter-kernel-id"] == model["id"]
        assert self.call("GET", f"/kernels/{model['id']}").json == model
        answer = self.call("DELETE", f"/kernels/{model['id']}")
        assert (answer.status, answer.body) == (204, b"")
        assert self.world.host.alive == []
        for method in ("GET", "DELETE"):
            answer = self.call(method, f"/kernels/{model['id']}")
            assert refusal(answer) == (404, "unknown_kernel")

    def test_a_kernel_of_the_default_kind(self) -> None:
        for body in (None, {}, {"name": None}, {"name": ""}):
            assert self.call("POST", "/kernels", body).json["name"] == "python3"

    def test_python_as_jupyters_clients_call_it(self) -> None:
        assert self.call("POST", "/kernels", {"name": "python"}).json["name"] == "python3"
        wanted = {"path": "a", "type": "console", "kernel": {"name": "python"}}
        assert self.call("POST", "/sessions", wanted).json["kernel"]["name"] == "python3"
        assert self.call("GET", "/kernelspecs/python").status == 404

    def test_a_kernel_of_no_kind(self) -> None:
        answer = self.call("POST", "/kernels", {"name": "cobol"})
        assert refusal(answer) == (404, "unknown_kernelspec")
        assert self.world.host.kernels == []

    def test_a_token_has_a_list_and_nobody_else_is_in_it(self) -> None:
        first, second = self.start(ALICE)["id"], self.start(ALICE)["id"]
        others = self.start(BOB)["id"]
        self.start()
        self.ask("POST", "/kernel", **form(timeout="60"))
        assert self.ids("/kernels", ALICE) == [first, second]
        assert self.ids("/kernels", BOB) == [others]
        assert self.ids("/kernels") == []
        self.call("DELETE", f"/kernels/{first}", token=ALICE)
        assert self.ids("/kernels", ALICE) == [second]

    def test_a_cells_kernel_is_in_no_list_and_its_id_is_enough(self) -> None:
        fields = form(timeout="60")
        fields["headers"].append(("Authorization", f"Bearer {ALICE}"))
        kernel_id = self.ask("POST", "/kernel", **fields).json["id"]
        assert self.ids("/kernels", ALICE) == []
        model = self.call("GET", f"/kernels/{kernel_id}").json
        assert (model["id"], model["name"]) == (kernel_id, "python3")
        # And the other way round.
        kernel_id = self.start(ALICE)["id"]
        assert self.ask("DELETE", f"/kernel/{kernel_id}").status == 200
        assert self.ids("/kernels", ALICE) == []

    def test_programs_of_python3_are_in_python_whatever_the_kernel_is(self) -> None:
        """A kernel with Sage runs programs in Sage unless they say otherwise."""
        kernel_id = self.start(name="python3")["id"]
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.send(code("2^3"))
        (sent,) = self.world.host.latest.sent
        assert json.loads(sent.metadata) == {"language": "python"}
        # A cell's kernel is told nothing.
        kernel_id = self.ask("POST", "/kernel", **form(timeout="60")).json["id"]
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.send(code("2^3"))
        assert self.world.host.latest.sent[0].metadata == b"{}"

    def test_a_client_that_hangs_up_gives_its_kernel_back(self) -> None:
        self.world.host.prompt = False
        connection = self.world.connect()
        connection.send(request("POST", "/api/kernels", [], b""))
        assert len(self.world.fleet) == 1
        connection.hang_up()
        assert self.world.host.alive == []
        assert self.world.fleet.admission.is_untouched

    def test_an_interrupt(self) -> None:
        kernel_id = self.start()["id"]
        answer = self.call("POST", f"/kernels/{kernel_id}/interrupt")
        assert (answer.status, answer.body) == (204, b"")
        assert self.world.host.latest.interrupts == 1
        answer = self.call("POST", f"/kernels/{NOBODY}/interrupt")
        assert refusal(answer) == (404, "unknown_kernel")

    def test_a_deletion_is_answered_at_the_end(self) -> None:
        self.world.host.lingering = True
        kernel_id = self.start()["id"]
        connection = self.world.connect()
        connection.send(request("DELETE", f"/api/kernels/{kernel_id}"))
        assert connection.ear.heard == b""
        self.world.host.latest.end()
        connection.pump()
        assert connection.answer("DELETE").status == 204

    def test_a_kernel_that_ends_instead_of_a_restart_is_unknown(self) -> None:
        self.world.host.lingering = True
        kernel_id = self.start()["id"]
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        before, after = self.world.connect(), self.world.connect()
        before.send(request("POST", f"/api/kernels/{kernel_id}/restart"))
        session.stop(Reason.IDLE)
        after.send(request("POST", f"/api/kernels/{kernel_id}/restart"))
        assert refusal(after.answer("POST")) == (404, "unknown_kernel")
        self.world.host.latest.end()
        before.pump()
        assert refusal(before.answer("POST")) == (404, "unknown_kernel")

    def test_a_process_that_does_not_start_again_is_the_servers_failure(self) -> None:
        kernel_id = self.start()["id"]
        self.world.host.prompt = False
        connection = self.world.connect()
        connection.send(request("POST", f"/api/kernels/{kernel_id}/restart"))
        self.world.host.latest.fail("No room.")
        connection.pump()
        assert refusal(connection.answer("POST")) == (503, "start_failed")


class StayingTests(JupyterTests):
    limits = Limits(
        jupyter=JupyterLimits(
            unclaimed_seconds=500, detached_seconds=200, idle_seconds=1000, total_seconds=5000
        )
    )

    def test_it_stays_while_nobody_has_joined(self) -> None:
        self.start()
        self.wait(499)
        assert len(self.world.host.alive) == 1
        self.wait(1)
        self.wait(self.limits.lifetime.stop_grace_seconds)
        assert self.world.host.alive == []

    def test_a_cells_kernel_does_not(self) -> None:
        self.ask("POST", "/kernel", **form(timeout="60"))
        self.wait(self.limits.lifetime.unclaimed_seconds)
        self.wait(self.limits.lifetime.stop_grace_seconds)
        assert self.world.host.alive == []
