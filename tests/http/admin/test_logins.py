"""The token, cookies, the second secret, and attempts."""

from __future__ import annotations

from typing import Any

from sagecell_tx.http.admin.logins import ATTEMPTS, BROWSERS, LIFETIME
from tests.http.admin.pages import BEARER, TOKEN, AdminTests
from tests.http.loopback import form

STATUS = "/admin/status.json"


class LoginTests(AdminTests):
    def test_nothing_is_told_without_the_token(self) -> None:
        for headers in (
            [],
            [("Cookie", "sagecell_admin=")],
            [("Cookie", "sagecell_admin=00; sagecell_admin=")],
            [("Cookie", f"sagecell_admin={TOKEN}")],
            [("Authorization", f"Basic {TOKEN}")],
        ):
            answer = self.admin_ask("GET", STATUS, headers)
            assert (answer.status, answer.error) == (401, "not_logged_in")
            assert "set-cookie" not in answer.headers
        for path in ("sessions/00/stop", "drain", "logout"):
            answer = self.post(f"/admin/{path}")
            assert (answer.status, answer.error) == (401, "not_logged_in")
        assert self.drained == 0

    def test_a_program_sends_the_token_with_each_request(self) -> None:
        answer = self.admin_ask("GET", STATUS, [BEARER])
        assert answer.status == 200
        assert "csrf" not in answer.json
        assert self.post("/admin/drain", [BEARER]).status == 204
        assert self.drained == 1

    def test_a_wrong_token(self) -> None:
        for sent in ("", "x", TOKEN[:-1], f"{TOKEN}x", "\xff" * 20):
            answer = self.admin_ask("GET", STATUS, [("Authorization", f"Bearer {sent}")])
            assert (answer.status, answer.error) == (401, "wrong_token")
            assert self.log_in(sent).error == "wrong_token"

    def test_a_browser_gets_a_cookie_that_scripts_and_other_sites_do_not(self) -> None:
        answer = self.log_in()
        assert (answer.status, answer.body) == (204, b"")
        value, *flags = answer.headers["set-cookie"].split("; ")
        assert TOKEN not in value
        assert set(flags) == {"Path=/admin", "HttpOnly", "SameSite=Strict", "Max-Age=43200"}
        assert self.admin_ask("GET", STATUS, [("Cookie", f"a=b; {value}; c=d")]).status == 200

    def test_blanks_around_the_token_are_not_part_of_it(self) -> None:
        assert self.log_in(f" {TOKEN}\n").status == 204

    def test_a_change_needs_the_secret_that_only_the_page_can_read(self) -> None:
        browser, other = self.browser(), self.browser()
        assert browser.csrf != other.csrf
        for secret in ("", "0", other.csrf, "\xff"):
            headers = [("Cookie", browser.cookie), ("X-CSRF-Token", secret)]
            for path in ("drain", "logout", "sessions/00/stop"):
                answer = self.post(f"/admin/{path}", headers)
                assert (answer.status, answer.error) == (403, "foreign_page")
        assert self.drained == 0
        assert self.post("/admin/drain", browser.headers).status == 204
        assert self.drained == 1

    def test_logging_out(self) -> None:
        browser, other = self.browser(), self.browser()
        answer = self.post("/admin/logout", browser.headers)
        assert answer.status == 204
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert self.admin_ask("GET", STATUS, browser.headers).error == "not_logged_in"
        assert self.admin_ask("GET", STATUS, other.headers).status == 200

    def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_alone(self) -> None:
        for scheme, is_secure in (("https", True), ("http", False)):
            sent: dict[str, Any] = form(token=TOKEN)
            headers = [*sent["headers"], ("X-Forwarded-Proto", scheme)]
            answer = self.admin_ask("POST", "/admin/login", headers, sent["body"])
            assert ("Secure" in answer.headers["set-cookie"].split("; ")) is is_secure

    def test_a_cookie_expires(self) -> None:
        browser = self.browser()
        self.wait(LIFETIME - 1)
        assert self.admin_ask("GET", STATUS, browser.headers).status == 200
        self.wait(1)
        assert self.admin_ask("GET", STATUS, browser.headers).error == "not_logged_in"

    def test_further_browsers_replace_the_oldest(self) -> None:
        first, second = self.browser(), self.browser()
        for _ in range(BROWSERS - 1):
            assert self.log_in().status == 204
        assert self.admin_ask("GET", STATUS, first.headers).error == "not_logged_in"
        assert self.admin_ask("GET", STATUS, second.headers).status == 200

    def test_attempts_are_limited_and_the_right_token_is_no_exception(self) -> None:
        browser = self.browser()
        for _ in range(ATTEMPTS.burst):
            assert self.log_in("wrong").error == "wrong_token"
        for answer in (
            self.log_in("wrong"),
            self.log_in(),
            self.admin_ask("GET", STATUS, [BEARER]),
        ):
            assert (answer.status, answer.error) == (429, "too_many_attempts")
            assert int(answer.headers["retry-after"]) == 10
        # Who is logged in stays so.
        assert self.admin_ask("GET", STATUS, browser.headers).status == 200
        self.wait(10)
        assert self.log_in().status == 204
        assert self.log_in("wrong").error == "wrong_token"
        assert self.log_in("wrong").error == "too_many_attempts"

    def test_attempts_of_others_are_counted_apart(self) -> None:
        wrong = ("Authorization", "Bearer wrong")
        for _ in range(ATTEMPTS.burst + 1):
            last = self.admin_ask("GET", STATUS, [wrong, ("X-Forwarded-For", "203.0.113.5")])
        assert last.error == "too_many_attempts"
        assert self.admin_ask("GET", STATUS, [BEARER]).status == 200
