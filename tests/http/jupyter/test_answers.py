"""Pages of any origin may read all answers, and a preflight needs no token."""

from __future__ import annotations

from tests.http.loopback import Answer, request

from .asclient import NOBODY, JupyterTests, refusal

ORIGIN = ("Origin", "https://book.example")


def allowed(answer: Answer) -> None:
    assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
    assert answer.headers["cache-control"] == "no-store"


class AnswersTests(JupyterTests):
    def test_a_preflight_of_any_path(self) -> None:
        for path in ("/api", "/api/kernels", f"/api/sessions/{NOBODY}", "/api/contents/a", "/tree"):
            answer = self.ask("OPTIONS", path, [ORIGIN])
            assert (answer.status, answer.body) == (204, b"")
            allowed(answer)
            methods = answer.headers["access-control-allow-methods"].split(", ")
            assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(methods)
            names = answer.headers["access-control-allow-headers"].split(", ")
            assert {"Authorization", "Content-Type", "X-XSRFToken"} <= set(names)
            assert int(answer.headers["access-control-max-age"]) > 0

    def test_answers_and_refusals_alike(self) -> None:
        for method, path, status in (
            ("GET", "/api", 200),
            ("GET", "/api/kernels", 200),
            ("POST", "/api/kernels", 201),
            ("GET", f"/api/kernels/{NOBODY}", 404),
            ("GET", "/api/nothing", 404),
            ("PUT", "/api/kernels", 405),
            ("POST", "/api/sessions", 400),
            ("GET", "/api/kernels?token=unknown", 403),
            ("GET", "/api/%ff", 400),
        ):
            answer = self.ask(method, path, [ORIGIN], b"" if method == "POST" else None)
            assert answer.status == status, path
            allowed(answer)

    def test_a_refusal_has_the_fields_of_jupyter(self) -> None:
        answer = self.call("GET", f"/kernels/{NOBODY}")
        assert refusal(answer) == (404, "unknown_kernel")
        assert answer.json["message"] == f"Kernel does not exist: {NOBODY}"
        assert answer.json["reason"] == "Not Found"

    def test_an_error_is_never_a_page(self) -> None:
        answer = self.ask("GET", "/api/nothing", [("Accept", "text/html")])
        assert refusal(answer) == (404, "not_found")

    def test_what_is_refused_before_its_route_is_known(self) -> None:
        """A body that is too long, a form and a query that cannot be parsed."""
        connection = self.world.connect()
        connection.send(request("POST", "/api/kernels", [("Content-Length", str(2**30))]))
        assert refusal(connection.answer()) == (413, "body_too_large")
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        answer = self.ask("POST", "/api/kernels", [kind], b"a=%ff&" * 1000)
        assert refusal(answer) == (413, "form_too_large")
        answer = self.ask("GET", "/api/kernels?" + "a=1&" * 1000, [("Accept", "*/*")])
        assert refusal(answer) == (413, "form_too_large")
