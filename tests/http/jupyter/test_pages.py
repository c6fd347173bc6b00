"""The logo of a kernelspec, and the page that VS Code requests first."""

from __future__ import annotations

from .asclient import JupyterTests, refusal


class PagesTests(JupyterTests):
    def test_a_logo(self) -> None:
        spec = self.call("GET", "/kernelspecs").json["kernelspecs"]["python3"]
        for logo in spec["resources"].values():
            answer = self.ask("GET", logo)
            assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")
            assert answer.headers["content-security-policy"] == "default-src 'none'"

    def test_a_logo_of_an_installed_kernelspec(self) -> None:
        resources = self.call("GET", "/kernelspecs/bash").json["resources"]
        answer = self.ask("GET", resources["logo-64 x"])
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        assert answer.headers["content-security-policy"] == "default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.body == b"\x89PNG"

    def test_no_other_file(self) -> None:
        for path, word in (
            ("/kernelspecs/python3/kernel.json", "unknown_file"),
            ("/kernelspecs/python3/..%2f..%2fkernel.json", "not_found"),
            ("/kernelspecs/bash/kernel.json", "unknown_file"),
            ("/kernelspecs/bash/logo-svg.svg", "unknown_file"),
            ("/kernelspecs/nobody/logo-svg.svg", "unknown_kernelspec"),
            ("/kernelspecs/python3", "not_found"),
            ("/kernelspecs", "not_found"),
        ):
            assert refusal(self.ask("GET", path)) == (404, word), path

    def test_the_tree_needs_no_password(self) -> None:
        for path in ("/tree", "/tree?", "/tree?token=anything"):
            answer = self.ask("GET", path)
            assert (answer.status, answer.headers["content-type"]) == (
                200,
                "text/html; charset=utf-8",
            )
        for path in ("/login", "/login?", "/hub/api"):
            assert self.ask("GET", path).status == 404
