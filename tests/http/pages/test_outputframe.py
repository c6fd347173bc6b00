"""The frame's page is served with a policy that restricts scripts in output."""

from __future__ import annotations

import pytest

from sagecell_tx.config import ConfigError
from sagecell_tx.http.pages.outputframe import frame_policy
from tests.http.world import SiteTests


def directives(policy: str) -> dict[str, list[str]]:
    """The sources of each directive."""
    return {name: rest for name, *rest in (each.split() for each in policy.split(";"))}


def test_nothing_but_this_server_is_asked_unless_the_operator_lists_it() -> None:
    policy = directives(frame_policy(()))
    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == ["'none'"]
    kinds = {"'self'", "'unsafe-inline'", "'unsafe-eval'", "'none'", "data:", "blob:"}
    for name, sources in policy.items():
        if name != "sandbox":
            assert set(sources) <= kinds, name


def test_a_frame_never_has_the_servers_origin() -> None:
    assert directives(frame_policy(()))["sandbox"] == ["allow-scripts", "allow-forms"]


def test_listed_hosts_may_send_libraries() -> None:
    hosts = ["cdn.example.org", "*.Example.net", "localhost:8443"]
    policy = directives(frame_policy(hosts))
    plain = directives(frame_policy(()))
    for name in ("script-src", "style-src", "img-src", "font-src"):
        assert policy.pop(name) == [*plain.pop(name), *hosts]
    assert policy == plain


@pytest.mark.parametrize(
    "entry",
    [
        *(
            "",
            "*",
            "*.",
            "https://a.example",
            "a.example/x",
            "a b",
            "a;b",
            "a,b",
            "'self'",
            "data:",
        ),
        *("é", "a.example:", "a.example:x", ".a", "a..b", "a\n", "-a", "x" * 64),
    ],
)
def test_what_is_no_host(entry: str) -> None:
    with pytest.raises(ConfigError, match="script_hosts"):
        frame_policy((entry,))


class OutputFrameTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "frame.html").write_bytes(b"<!doctype html>Frame")

    def test_it_is_sent_with_its_policy(self) -> None:
        for method, body in (("GET", b"<!doctype html>Frame"), ("HEAD", b"")):
            answer = self.ask(method, "/frame.html")
            assert (answer.status, answer.body) == (200, body)
            policy = directives(answer.headers["content-security-policy"])
            assert policy.keys() == directives(frame_policy(())).keys()
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-dns-prefetch-control"] == "off"

    def test_the_host_is_named_beside_self(self) -> None:
        """WebKit never matches 'self' there."""
        answer = self.ask("GET", "/frame.html", [("Host", "cells.example:8888")])
        policy = directives(answer.headers["content-security-policy"])
        named = ["'self'", "http://cells.example:8888", "https://cells.example:8888"]
        for name in ("script-src", "style-src", "img-src", "font-src", "media-src", "base-uri"):
            assert policy[name][:3] == named, name
        assert policy["connect-src"] == ["'none'"]
        for host in ("cells.example; script-src *", "cells.example,x", ""):
            answer = self.ask("GET", "/frame.html", [("Host", host)])
            assert "cells.example" not in answer.headers["content-security-policy"]

    def test_it_is_to_be_had_nowhere_without(self) -> None:
        for path in (
            "frame.html",
            "./frame.html",
            "%66rame.html",
            "frame.html?x",
            "x/../frame.html",
        ):
            answer = self.ask("GET", f"/static/{path}")
            assert answer.status in (400, 404), path
            assert b"Frame" not in answer.body

    def test_a_client_that_is_not_built(self) -> None:
        (self.folder / "frame.html").unlink()
        answer = self.ask("GET", "/frame.html")
        assert answer.status == 503
        assert b"make client" in answer.body
