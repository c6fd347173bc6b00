"""Every error gives an error code and a sentence, and never shows the server's internals."""

from __future__ import annotations

from klein import Klein
from twisted.internet.defer import Deferred, fail
from twisted.web.iweb import IRequest
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from sagecell_tx.http.serving.errors import Problem, handle_problems, problem_from
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.interfaces import StartFailed, StoreUnavailable
from sagecell_tx.wire.messages import WireError
from tests.http.asking import asking
from tests.http.world import SiteTests


def test_each_kind_of_refusal_has_its_status() -> None:
    for error, status, code in (
        (Problem(418, "teapot", "Short and stout."), 418, "teapot"),
        (Refused("too_many_kernels", "Full.", retry_after=5), 429, "too_many_kernels"),
        (Refused("draining", "Going.", retry_after=5), 503, "draining"),
        (refusals.too_many_descriptors(), 503, "too_many_descriptors"),
        (WireError("invalid_zip", "Bad."), 400, "invalid_zip"),
        (StartFailed("None came up."), 503, "start_failed"),
        (StoreUnavailable("Away."), 503, "store_unavailable"),
        (NotFound(), 404, "not_found"),
        (MethodNotAllowed(["GET"]), 405, "method_not_allowed"),
        (RequestRedirect("http://elsewhere.example/"), 404, "not_found"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
        (None, 500, "internal_error"),
    ):
        problem = problem_from(error)
        assert (problem.status, problem.code) == (status, code), error
        assert problem.message


def test_who_may_come_back_is_told_when() -> None:
    for error in (
        Refused("draining", "Going.", retry_after=7),
        StartFailed("None came up."),
        StoreUnavailable("Away."),
    ):
        assert int(problem_from(error).headers["Retry-After"]) > 0
    assert problem_from(MethodNotAllowed(["GET", "PUT"])).headers["Allow"] == "GET, PUT"


def test_a_plain_problem_is_a_sentence_alone() -> None:
    asked = asking()
    body = Problem(404, "gone", "Bücher \ud800 gone", plain=True).render(asked.request)
    assert body == "Bücher ? gone".encode()
    assert asked.status == 404
    assert asked.said("Content-Type") == "text/plain; charset=utf-8"


class Breaking:
    """Routes that fail in every way a route can."""

    app = Klein()
    handle_problems(app)

    @app.route("/now")
    def now(self, request: IRequest) -> bytes:
        raise RuntimeError("the secret of now")

    @app.route("/later")
    def later(self, request: IRequest) -> Deferred[bytes]:
        return fail(RuntimeError("the secret of later"))

    @app.route("/awaited")
    async def awaited(self, request: IRequest) -> bytes:
        raise RuntimeError("the secret of awaited")


class InternalErrorTests(SiteTests):
    def test_a_mistake_is_logged_and_not_told(self) -> None:
        tree = self.world.site.resource
        tree.putChild(b"breaking", Mounted(Breaking().app))
        for name in ("now", "later", "awaited"):
            answer = self.ask("GET", f"/breaking/{name}")
            assert (answer.status, answer.error) == (500, "internal_error")
            assert b"secret" not in answer.body
            assert b"Traceback" not in answer.body
            (logged,) = self.flushLoggedErrors(RuntimeError)
            assert "the secret of" in str(logged.value)


class StrangePathTests(SiteTests):
    def test_unknown_paths(self) -> None:
        for path in (
            "/favicon.png",
            "/kernel/a/b",
            "/kernel//files/x",
            "/service/x",
            "/permalink/x",
            "/%00",
            "/a%2fb",
            "/" + "a" * 4000,
        ):
            answer = self.ask("GET", path)
            assert (answer.status, answer.error) == (404, "not_found"), path

    def test_a_path_that_is_not_utf8(self) -> None:
        for path in ("/kernel/%ff", "/api/%ff", "/%ff", "/static/%ff"):
            answer = self.ask("GET", path)
            assert answer.status in (400, 404), path
            assert answer.error in ("bad_request", "not_found")

    def test_strange_methods(self) -> None:
        for path in ("/", "/kernel", "/service", "/permalink", "/status.json"):
            for method in ("BREW", "PATCH", "TRACE"):
                answer = self.ask(method, path)
                assert (answer.status, answer.error) == (405, "method_not_allowed"), (method, path)
