"""The document is served below the prefix of a server, and to pages of any origin."""

from __future__ import annotations

from tests.http.jupyter.asclient import JupyterTests, refusal


class SpecTests(JupyterTests):
    baseurl = "/cells"

    def test_it_names_the_prefix(self) -> None:
        answer = self.ask("GET", "/cells/api/spec.json", [("Origin", "https://a.example")])
        assert answer.json["servers"] == [{"url": "/cells"}]
        assert answer.headers["access-control-allow-origin"] == "https://a.example"

    def test_what_it_is_not(self) -> None:
        assert refusal(self.call("POST", "/spec.json", {})) == (405, "method_not_allowed")
        assert refusal(self.call("GET", "/spec.json/more")) == (404, "not_found")
