"""The requests of Jupyter's clients, and the answers of Jupyter Server."""

from __future__ import annotations

import json
from urllib.parse import quote

from sagecell_tx import __version__
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.limits import AdmissionLimits, Limits
from tests.http.loopback import request

from .asclient import ALICE, BOB, NOBODY, JupyterTests, refusal


class ServerTests(JupyterTests):
    def test_versions(self) -> None:
        for path in ("", "/"):
            told = self.call("GET", path).json
            assert told == {"version": "2.21.0", "sagecell_tx": __version__}

    def test_who_a_client_is(self) -> None:
        for token, name in (("", "anonymous"), (ALICE, "alice")):
            told = self.call("GET", "/me", token=token).json
            assert told["permissions"] == {"updatable_fields": []}
            identity = told["identity"]
            assert {identity[key] for key in ("username", "name", "display_name")} == {name}
            assert {"initials", "avatar_url", "color"} <= set(identity)

    def test_what_a_client_may_do(self) -> None:
        asked = {"kernels": ["read", "execute", "x"], "contents": ["read"], "terminals": []}
        told = self.call("GET", f"/me?permissions={quote(json.dumps(asked))}").json
        assert told["permissions"] == {
            "kernels": ["read", "execute"],
            "contents": [],
            "terminals": [],
            "updatable_fields": [],
        }
        for wrong in ("x", "[]", '{"kernels":"read"}', '{"kernels":[1]}'):
            answer = self.call("GET", f"/me?permissions={quote(wrong)}")
            assert refusal(answer) == (400, "invalid_permissions")

    def test_the_status_is_jupyters_with_ours_beside(self) -> None:
        told = self.call("GET", "/status").json
        assert told["started"] == told["last_activity"] == "2026-01-01T00:00:00.000000Z"
        assert (told["connections"], told["kernels"]) == (0, 0)
        ours = self.ask("GET", "/status.json").json
        assert {**ours, **told} == told
        assert set(told) == set(ours) | {"started", "last_activity", "connections"}
        self.start()
        assert self.call("GET", "/status").json["kernels"] == 1

    def test_kernelspecs(self) -> None:
        told = self.call("GET", "/kernelspecs").json
        assert (told["default"], list(told["kernelspecs"])) == ("python3", ["python3", "bash"])
        spec = self.call("GET", "/kernelspecs/python3").json
        assert spec == told["kernelspecs"]["python3"]
        answer = self.call("GET", "/kernelspecs/cobol")
        assert refusal(answer) == (404, "unknown_kernelspec")

    def test_what_is_told_of_an_installed_kernelspec(self) -> None:
        assert self.call("GET", "/kernelspecs/bash").json == {
            "name": "bash",
            "spec": {
                "argv": [],
                "env": {},
                "display_name": "Bash",
                "language": "bash",
                "interrupt_mode": "signal",
                "metadata": {},
                "help_links": [
                    {"text": "Manual", "url": "https://www.gnu.org/software/bash/manual/"}
                ],
            },
            "resources": {"logo-64 x": "/kernelspecs/bash/logo-64%20x.png"},
        }

    def test_a_kernel_is_started_by_its_kernelspec(self) -> None:
        for body, name in (({"name": "bash"}, "bash"), ({}, "python3"), ({"name": ""}, "python3")):
            assert self.start(**body)["name"] == name
            assert self.world.host.latest.spec.name == name
        session = self.open("a.sh", ALICE, kernel={"name": "bash"})
        assert session["kernel"]["name"] == self.world.host.latest.spec.name == "bash"
        kernel_id = session["kernel"]["id"]
        assert self.call("POST", f"/kernels/{kernel_id}/restart").json["name"] == "bash"
        assert self.world.host.latest.spec.name == "bash"
        assert len(self.world.host.kernels) == 5

    def test_what_is_not_here(self) -> None:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for path in ("/contents", "/contents/a.ipynb", "/contents/a/b/checkpoints"):
                assert refusal(self.call(method, path)) == (403, "no_contents")
            for path in ("/terminals", "/terminals/1"):
                assert refusal(self.call(method, path)) == (404, "no_terminals")
        for path in ("/nothing", "/kernels/a/b/c", "/config/notebook", "/spec.yaml"):
            assert refusal(self.call("GET", path)) == (404, "not_found")

    def test_methods(self) -> None:
        for method, path in (("PUT", "/kernels"), ("PATCH", "/kernels/x"), ("POST", "/status")):
            answer = self.call(method, path)
            assert refusal(answer) == (405, "method_not_allowed")
            assert "GET" in answer.headers["allow"]


class RequestTests(JupyterTests):
    def test_a_body_is_json_whatever_its_type(self) -> None:
        for kind in (
            "application/json",
            "text/plain;charset=UTF-8",
            "application/x-www-form-urlencoded",
            "application/octet-stream",
            "",
        ):
            headers = [("Content-Type", kind)] if kind else []
            body = b'{"path": "a=1&b", "type": "console"}'
            answer = self.ask("POST", "/api/sessions?1764460800000", headers, body)
            assert (answer.status, answer.json["path"]) == (201, "a=1&b"), kind

    def test_a_body_that_is_no_object(self) -> None:
        for method, path in (("POST", "/kernels"), ("POST", "/sessions")):
            for body in (b"{", b"nothing", b"{'a': 1}", b"\xff", b'{"a": NaN}', b"[" * 1000):
                answer = self.ask(method, f"/api{path}", [], body)
                assert refusal(answer) == (400, "invalid_json")
                assert answer.json["message"] == "Invalid JSON in body of request"
            for body in (b"[]", b"1", b'"python3"', b"true"):
                answer = self.ask(method, f"/api{path}", [], body)
                assert refusal(answer) == (400, "invalid_json")
        answer = self.ask("POST", "/api/kernels", [], b'{"name": ["python3"]}')
        assert refusal(answer) == (400, "invalid_field")
        assert self.world.host.kernels == []

    def test_a_token_in_the_query(self) -> None:
        kernel_id = self.start(ALICE)["id"]
        assert self.ids(f"/kernels?token={ALICE}") == [kernel_id]
        assert self.ids("/kernels?token=") == []
        answer = self.call("GET", "/kernels?token=unknown")
        assert refusal(answer) == (403, "unknown_key")

    def test_budgets_are_those_of_the_token(self) -> None:
        self.world.fleet.admission.pools  # noqa: B018 - there is one
        self.start(ALICE)
        (visitor,) = [place.visitor for place in self.world.fleet._places.values()]
        assert visitor.key == "alice"

    def test_last_activity_and_state_follow_the_kernel(self) -> None:
        kernel_id = self.start()["id"]
        self.wait(30)
        model = self.call("GET", f"/kernels/{kernel_id}").json
        assert model["execution_state"] == "idle"
        assert model["last_activity"] == "2026-01-01T00:00:00.000000Z"
        self.start()
        last = self.call("GET", "/status").json["last_activity"]
        assert last == "2026-01-01T00:00:30.000000Z"

    def test_a_kernel_that_there_is_not_has_no_websocket(self) -> None:
        answer = self.call("GET", f"/kernels/{NOBODY}/channels?session_id=1")
        assert refusal(answer) == (404, "unknown_kernel")


class AdmissionTests(JupyterTests):
    limits = Limits(admission=AdmissionLimits(kernels=1, queue_seconds=5))

    def test_a_client_waits_in_the_queue(self) -> None:
        first = self.start()["id"]
        waiting = self.world.connect()
        waiting.send(request("POST", "/api/kernels", [], b"{}"))
        assert waiting.ear.heard == b""
        self.call("DELETE", f"/kernels/{first}")
        waiting.pump()
        assert waiting.answer().status == 201

    def test_and_is_refused_in_the_end(self) -> None:
        self.start()
        waiting = self.world.connect()
        waiting.send(request("POST", "/api/sessions", [], b'{"path": "a", "type": "x"}'))
        self.wait(5)
        waiting.pump()
        answer = waiting.answer()
        assert refusal(answer) == (429, "too_many_kernels")
        assert int(answer.headers["retry-after"]) > 0

    def test_a_kernel_that_does_not_come_up(self) -> None:
        self.world.host.prompt = False
        waiting = self.world.connect()
        waiting.send(request("POST", "/api/kernels", [], b""))
        self.world.host.latest.fail("The fork server is away.")
        waiting.pump()
        assert refusal(waiting.answer()) == (503, "start_failed")
        assert self.world.fleet.admission.is_untouched

    def test_a_server_that_stops(self) -> None:
        self.successResultOf(self.world.fleet.stopService())
        assert refusal(self.call("POST", "/kernels")) == (503, "draining")


class TermsTests(JupyterTests):
    terms = Terms(html="<p>Be kind.</p>", required=True)

    def test_who_has_no_token_says_so_in_the_query(self) -> None:
        wanted = {"path": "a", "type": "console"}
        for path, body in (("/kernels", {}), ("/sessions", wanted)):
            assert refusal(self.call("POST", path, body)) == (403, "terms_not_accepted")
            assert self.call("POST", f"{path}?accepted_tos=true", body).status == 201

    def test_a_new_kernel_for_a_session(self) -> None:
        wanted = {"path": "a", "type": "console"}
        session = self.call("POST", "/sessions?accepted_tos=true", wanted).json
        path = f"/sessions/{session['id']}"
        assert self.call("PATCH", path, {"name": "b"}).status == 200
        another = {"kernel": {"name": "python3"}}
        assert refusal(self.call("PATCH", path, another)) == (403, "terms_not_accepted")
        assert self.call("PATCH", f"{path}?accepted_tos=true", another).status == 200

    def test_a_token_was_given_to_who_has_accepted_them(self) -> None:
        for token in (ALICE, BOB):
            assert self.call("POST", "/kernels", {}, token).status == 201


class PrefixTests(JupyterTests):
    baseurl = "/math/cells"

    def test_addresses_have_it(self) -> None:
        answer = self.call("POST", "/kernels")
        assert answer.headers["location"] == f"/math/cells/api/kernels/{answer.json['id']}"
        spec = self.call("GET", "/kernelspecs").json["kernelspecs"]["python3"]
        assert spec["resources"] == {"logo-svg": "/math/cells/kernelspecs/python3/logo-svg.svg"}
