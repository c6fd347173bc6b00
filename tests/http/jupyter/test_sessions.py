"""Sessions are names that a token gives to its kernels; without one, each has a kernel of its own."""

from __future__ import annotations

from sagecell_tx.limits import AdmissionLimits, JupyterLimits, Limits
from tests.http.loopback import request

from .asclient import ALICE, BOB, NOBODY, JupyterTests, refusal


class SessionsTests(JupyterTests):
    limits = Limits(
        jupyter=JupyterLimits(sessions_per_kernel=2), admission=AdmissionLimits(kernels=8)
    )

    def test_a_session_of_a_notebook(self) -> None:
        wanted = {"path": "a.ipynb", "name": "a", "type": "notebook", "kernel": {"name": "python3"}}
        answer = self.call("POST", "/sessions", wanted)
        model = answer.json
        assert answer.status == 201
        assert answer.headers["location"] == f"/api/sessions/{model['id']}"
        assert answer.headers["jupyter-kernel-id"] == model["kernel"]["id"]
        kernel = self.call("GET", f"/kernels/{model['kernel']['id']}").json
        assert model == {
            "id": model["id"],
            "path": "a.ipynb",
            "name": "a",
            "type": "notebook",
            "kernel": kernel,
            "notebook": {"path": "a.ipynb", "name": "a"},
        }
        assert self.call("GET", f"/sessions/{model['id']}").json == model

    def test_only_a_notebook_is_called_one(self) -> None:
        assert "notebook" not in self.open("a", type="console")

    def test_a_token_finds_its_session_again(self) -> None:
        first = self.open("a.ipynb", ALICE)
        assert self.open("a.ipynb", ALICE)["id"] == first["id"]
        assert self.open("b.ipynb", ALICE)["kernel"]["id"] != first["kernel"]["id"]
        assert self.open("a.ipynb", BOB)["kernel"]["id"] != first["kernel"]["id"]
        assert len(self.ids("/sessions", ALICE)) == 2
        assert len(self.ids("/sessions", BOB)) == 1

    def test_two_requests_at_once_for_one_path(self) -> None:
        self.world.host.prompt = False
        body = b'{"path": "a", "type": "console"}'
        headers = [("Authorization", f"token {ALICE}")]
        both = [self.world.connect() for _ in range(2)]
        for connection in both:
            connection.send(request("POST", "/api/sessions", headers, body))
        for kernel in self.world.host.kernels:
            kernel.come_up()
        for connection in both:
            connection.pump()
        first, second = (connection.answer().json for connection in both)
        assert first == second
        assert self.ids("/kernels", ALICE) == [first["kernel"]["id"]]
        self.wait(self.limits.lifetime.stop_grace_seconds)
        assert len(self.world.host.alive) == 1

    def test_without_a_token_each_has_its_own_kernel(self) -> None:
        first, second = self.open("a.ipynb"), self.open("a.ipynb")
        assert first["id"] != second["id"]
        assert first["kernel"]["id"] != second["kernel"]["id"]
        assert self.ids("/sessions") == []

    def test_a_session_of_a_kernel_that_runs(self) -> None:
        kernel_id = self.start()["id"]
        for path in ("a", "b"):
            assert self.open(path, kernel={"id": kernel_id})["kernel"]["id"] == kernel_id
        answer = self.call(
            "POST", "/sessions", {"path": "c", "type": "x", "kernel": {"id": kernel_id}}
        )
        assert refusal(answer) == (429, "too_many_sessions")
        answer = self.call(
            "POST", "/sessions", {"path": "c", "type": "x", "kernel": {"id": NOBODY}}
        )
        assert refusal(answer) == (404, "unknown_kernel")
        assert len(self.world.host.alive) == 1

    def test_what_is_missing(self) -> None:
        for body, message in (
            (None, "No JSON data provided"),
            ({}, "Missing field in JSON data: path"),
            ({"name": "a"}, "Missing field in JSON data: path"),
            ({"path": "a"}, "Missing field in JSON data: type"),
        ):
            answer = self.call("POST", "/sessions", body)
            assert (answer.status, answer.json["message"]) == (400, message)
        assert self.world.host.kernels == []

    def test_it_is_renamed(self) -> None:
        model = self.open("a.ipynb", ALICE)
        changes = {"path": "b.txt", "name": "b", "type": "file"}
        changed = self.call("PATCH", f"/sessions/{model['id']}", changes, ALICE).json
        del model["notebook"]
        assert changed == {**model, **changes}
        assert self.open("b.txt", ALICE)["id"] == model["id"]
        unchanged = self.call("PATCH", f"/sessions/{model['id']}", {}, ALICE)
        assert (unchanged.status, unchanged.json) == (200, changed)

    def test_it_gets_another_kernel(self) -> None:
        model = self.open("a.ipynb")
        before = model["kernel"]["id"]
        path = f"/sessions/{model['id']}"
        changed = self.call("PATCH", path, {"kernel": {"name": "python3"}}).json
        assert changed["kernel"]["id"] not in (before, None)
        assert self.call("GET", f"/kernels/{before}").status == 404
        other = self.start()["id"]
        changed = self.call("PATCH", path, {"kernel": {"id": other, "name": "cobol"}}).json
        assert changed["kernel"]["id"] == other
        assert self.call("PATCH", path, {"kernel": {"id": other}}).json == changed
        assert len(self.world.host.alive) == 1
        self.call("DELETE", f"/kernels/{other}")
        assert self.call("GET", path).status == 404

    def test_two_requests_at_once_for_another_kernel(self) -> None:
        model = self.open("a.ipynb")
        self.world.host.prompt = False
        body = b'{"kernel": {"name": "python3"}}'
        both = [self.world.connect() for _ in range(2)]
        for connection in both:
            connection.send(request("PATCH", f"/api/sessions/{model['id']}", [], body))
        for kernel in self.world.host.kernels[1:]:
            kernel.come_up()
        for connection in both:
            connection.pump()
            assert connection.answer("PATCH").status == 200
        (left,) = self.world.host.alive
        kernel_id = self.call("GET", f"/sessions/{model['id']}").json["kernel"]["id"]
        assert left.kernel_id == kernel_id

    def test_a_kernel_that_is_not_there(self) -> None:
        model = self.open("a.ipynb")
        for kernel in ({"id": NOBODY}, {"name": "cobol"}):
            answer = self.call("PATCH", f"/sessions/{model['id']}", {"kernel": kernel})
            assert answer.status == 404
        assert self.call("GET", f"/sessions/{model['id']}").json == model

    def test_it_ends_with_its_kernel(self) -> None:
        for end in ("/sessions/{id}", "/kernels/{kernel[id]}"):
            model = self.open("a.ipynb", ALICE)
            assert self.call("DELETE", end.format(**model)).status == 204
            assert self.ids("/sessions", ALICE) == self.ids("/kernels", ALICE) == []
        model = self.open("a.ipynb", ALICE)
        self.world.host.latest.end()
        answer = self.call("GET", f"/sessions/{model['id']}")
        assert refusal(answer) == (404, "unknown_session")

    def test_a_session_that_is_not_there(self) -> None:
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            answer = self.call(method, f"/sessions/{NOBODY}", body)
            assert refusal(answer) == (404, "unknown_session")
            assert answer.json["message"] == f"Session not found: session_id='{NOBODY}'"

    def test_it_ends_while_it_waits_for_another_kernel(self) -> None:
        model = self.open("a.ipynb")
        self.world.host.prompt = False
        body = b'{"kernel": {"name": "python3"}}'
        connection = self.world.connect()
        connection.send(request("PATCH", f"/api/sessions/{model['id']}", [], body))
        self.world.host.kernels[0].end()
        self.world.host.latest.come_up()
        connection.pump()
        assert refusal(connection.answer()) == (404, "unknown_session")
        self.wait(self.limits.lifetime.stop_grace_seconds)
        assert self.world.host.alive == []
