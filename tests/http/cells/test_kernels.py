"""A kernel can be requested in five encodings, and is released if its client disconnects."""

from __future__ import annotations

import json

from sagecell_tx.limits import AdmissionLimits, Limits
from sagecell_tx.testing.hosts import MemoryHost
from tests.http.loopback import Answer, form, request
from tests.http.world import SiteTests

ORIGIN = ("Origin", "https://book.example")

MULTIPART = (
    b"".join(
        b'--cut\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % field
        for field in ((b"timeout", b"60"), (b"CellSessionID", b"page"))
    )
    + b"--cut--\r\n"
)


def allowed(answer: Answer) -> None:
    """Check that the page at ORIGIN may read the answer."""
    assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "POST, GET, OPTIONS, DELETE"
    assert answer.headers["access-control-allow-headers"] == "X-XSRFToken, Content-Type"


class StartTests(SiteTests):
    limits = Limits(
        admission=AdmissionLimits(kernels=3, kernels_per_cell_session=2, queue_length=0)
    )

    def test_the_answer_is_the_contracts(self) -> None:
        """contract: 1.6, 10"""
        answer = self.ask("POST", "/kernel", **form())
        assert answer.status == 200
        told = answer.json
        assert set(told) == {"ws_url", "id"}
        assert told["ws_url"] == "ws://cells.example/"
        assert len(told["id"]) == 36
        assert answer.headers["jupyter-kernel-id"] == told["id"]
        assert self.world.fleet.get(told["id"]) is not None

    def test_the_url_is_as_the_client_reaches_the_server(self) -> None:
        """contract: 1.6, T13"""
        headers = [("X-Proto", "https"), ("Host", "cells.example:444"), *form()["headers"]]
        assert (
            self.ask("POST", "/kernel", headers, b"").json["ws_url"] == "wss://cells.example:444/"
        )

    def timeout_of(self, answer: Answer) -> float:
        session = self.world.fleet.get(answer.json["id"])
        assert session is not None
        return session.timeout

    def test_parameters_come_in_five_encodings(self) -> None:
        """contract: 1.6"""
        json_headers = [("Content-Type", "application/json")]
        for path, headers, body in (
            ("/kernel", form()["headers"], b"timeout=60&CellSessionID=page"),
            ("/kernel", [("Content-Type", "multipart/form-data; boundary=cut")], MULTIPART),
            ("/kernel?timeout=60&CellSessionID=page", json_headers, b"{}"),
            ("/kernel?timeout=60&CellSessionID=page", [], b""),
            ("/kernel/?timeout=60&CellSessionID=page", [], b""),
        ):
            first = self.ask("POST", path, headers, body)
            assert self.timeout_of(first) == 60
            second = self.ask("POST", path, headers, body)
            assert self.ask("POST", path, headers, body).status == 429
            for answer in (first, second):
                self.ask("DELETE", f"/kernel/{answer.json['id']}")

    def test_an_infinite_timeout_is_cut_to_the_limit(self) -> None:
        """contract: 1.6"""
        for text in ("inf", "1e300"):
            answer = self.ask("POST", "/kernel", **form(timeout=text))
            assert self.timeout_of(answer) == self.limits.lifetime.idle_seconds

    def test_a_timeout_that_is_none_is_refused_before_anything_is_started(self) -> None:
        """contract: T6"""
        for text in ("nan", "-1", "soon", ""):
            answer = self.ask("POST", "/kernel", **form(timeout=text))
            assert (answer.status, answer.error) == (400, "invalid_timeout")
        assert self.world.host.kernels == []

    def test_too_many_of_one_page(self) -> None:
        """contract: 1.8"""
        fields = form(CellSessionID="page")
        ids = [self.ask("POST", "/kernel", **fields).json["id"] for _ in range(2)]
        headers = [*fields["headers"], ORIGIN]
        answer = self.ask("POST", "/kernel", headers, fields["body"])
        assert (answer.status, answer.error) == (429, "too_many_kernels_for_cell_session")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["kernels-per-cell-session"] == "2"
        allowed(answer)
        self.ask("DELETE", f"/kernel/{ids[0]}")
        answer = self.ask("POST", "/kernel", headers, fields["body"])
        assert (answer.status, answer.headers["kernels-per-cell-session"]) == (200, "2")
        exposed = answer.headers["access-control-expose-headers"]
        assert exposed == "Retry-After, Kernels-Per-Cell-Session"

    def test_a_page_need_not_wait_until_a_kernel_that_it_stopped_has_ended(self) -> None:
        """contract: 1.8"""
        self.world.host.lingering = True
        fields = form(CellSessionID="page")
        ids = [self.ask("POST", "/kernel", **fields).json["id"] for _ in range(2)]
        assert self.ask("POST", "/kernel", **fields).status == 429
        self.ask("DELETE", f"/kernel/{ids[0]}")
        assert self.ask("POST", "/kernel", **fields).status == 200

    def test_too_many_in_all(self) -> None:
        for _ in range(3):
            self.ask("POST", "/kernel", **form())
        answer = self.ask("POST", "/kernel", **form())
        assert (answer.status, answer.error) == (429, "too_many_kernels")

    def test_a_server_that_stops_takes_nobody_in(self) -> None:
        self.successResultOf(self.world.fleet.stopService())
        answer = self.ask("POST", "/kernel", [ORIGIN], b"")
        assert (answer.status, answer.error) == (503, "draining")
        assert int(answer.headers["retry-after"]) > 0
        allowed(answer)

    def test_a_kernel_that_does_not_come_up(self) -> None:
        self.world.host.prompt = False
        connection = self.world.connect()
        connection.send(request("POST", "/kernel", [ORIGIN], b""))
        self.world.host.latest.fail("The fork server is away.")
        connection.pump()
        answer = connection.answer()
        assert (answer.status, answer.error) == (503, "start_failed")
        allowed(answer)
        assert len(self.world.fleet) == 0

    def test_a_client_that_hangs_up_gives_its_kernel_back(self) -> None:
        self.world.host.prompt = False
        connection = self.world.connect()
        connection.send(request("POST", "/kernel", [], b""))
        assert len(self.world.fleet) == 1
        connection.hang_up()
        assert len(self.world.fleet) == 0
        assert self.world.host.alive == []
        assert self.world.fleet.admission.is_untouched

    def test_a_frame_is_told_in_a_page(self) -> None:
        """contract: 1.12"""
        for query in ("?frame=1", "?frame="):
            answer = self.ask("POST", f"/kernel{query}", [ORIGIN], b"")
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            page = answer.body.decode("ascii")
            told = page.removeprefix("<script>parent.postMessage('").removesuffix(
                '\',"*");</script>'
            )
            assert json.loads(told)["ws_url"] == "ws://cells.example/"
            assert "access-control-allow-origin" not in answer.headers

    def test_other_methods(self) -> None:
        for method in ("HEAD", "GET", "PUT", "DELETE"):
            answer = self.ask(method, "/kernel")
            assert answer.status == 405
            assert set(answer.headers["allow"].split(", ")) == {"POST", "OPTIONS"}


class CorsTests(SiteTests):
    def test_a_preflight(self) -> None:
        """contract: 1.9, 1.11"""
        asks = [
            ORIGIN,
            ("Access-Control-Request-Method", "DELETE"),
            ("Access-Control-Request-Headers", "X-XSRFToken, Content-Type"),
        ]
        for path in ("/kernel", "/kernel/" + "0" * 36, "/kernel/" + "0" * 36 + "/files/a.png"):
            answer = self.ask("OPTIONS", path, asks)
            assert (answer.status, answer.body) == (200, b"")
            allowed(answer)

    def test_success_and_refusals_alike(self) -> None:
        """contract: 1.11"""
        allowed(self.ask("POST", "/kernel", [ORIGIN], b""))
        allowed(self.ask("POST", "/kernel?timeout=nan", [ORIGIN], b""))
        allowed(self.ask("DELETE", "/kernel/" + "0" * 36, [ORIGIN]))
        allowed(self.ask("POST", "/kernel/" + "0" * 36, [ORIGIN], b""))
        allowed(self.ask("GET", "/kernel/" + "0" * 36 + "/files/a", [ORIGIN]))

    def test_without_an_origin_nothing_is_said(self) -> None:
        """contract: 1.11"""
        answer = self.ask("POST", "/kernel", [], b"")
        assert not [name for name in answer.headers if name.startswith("access-control")]


class StopTests(SiteTests):
    def test_by_method_and_by_parameter(self) -> None:
        """contract: 1.10"""
        for method, body in (("DELETE", None), ("POST", b"method=DELETE")):
            kernel_id = self.ask("POST", "/kernel", **form()).json["id"]
            answer = self.ask(method, f"/kernel/{kernel_id}", form()["headers"], body)
            assert (answer.status, answer.body) == (200, b"")
            assert self.world.fleet.get(kernel_id) is None

    def test_an_unknown_kernel_is_as_good_as_stopped(self) -> None:
        """contract: 1.10, T12"""
        for name in ("0" * 36, "x", "%22%3Cscript%3E", "..."):
            answer = self.ask("DELETE", f"/kernel/{name}")
            assert (answer.status, answer.body) == (200, b"")

    def test_a_kernel_that_is_starting(self) -> None:
        self.world.host = MemoryHost(prompt=False)
        self.world.fleet.host = self.world.host
        starting = self.world.connect()
        starting.send(request("POST", "/kernel", [], b""))
        self.ask("DELETE", f"/kernel/{self.world.host.latest.kernel_id}")
        starting.pump()
        answer = starting.answer()
        assert (answer.status, answer.error) == (503, "start_failed")

    def test_another_post_is_not_understood(self) -> None:
        kernel_id = self.ask("POST", "/kernel", **form()).json["id"]
        answer = self.ask("POST", f"/kernel/{kernel_id}", **form(method="delete"))
        assert (answer.status, answer.error) == (405, "method_not_allowed")
        assert self.world.fleet.get(kernel_id) is not None
