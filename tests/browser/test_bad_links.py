"""A bad link and a server that is away are told in words, and there is a way on."""

from __future__ import annotations

import pytest

from tests.integration.servers import Server

pytestmark = pytest.mark.browser


def test_a_bad_link_is_a_page_in_words(reader):
    for number, (address, words) in enumerate(
        (
            ("/?q=nope", "leads to no program"),
            ("/?q=nope.", "leads to no program"),
            ("/?z=nope%20", "cannot be read"),
            ("/kernel/nope/files/a.html", "no such file"),
        )
    ):
        reader.browser.get(reader.url + address)
        assert words in reader.text("h1")
        # The style sheet is loaded from a path that is right below any address.
        assert reader.javascript("return getComputedStyle(document.body).maxWidth") != "none"
        if number == 0:
            reader.keep_picture("bad-link", width=1000)
            reader.keep_picture("bad-link-phone", width=360, mobile=True)
            with reader.by_night():
                reader.keep_picture("bad-link-dark", width=1000)
        reader.one("a").click()
        reader.until(lambda: reader.all(".cm-content"))
        assert reader.state == "idle"


def test_the_output_stays_while_the_server_is_away(open_reader):
    with Server() as server:
        reader = open_reader()
        reader.url = server.url
        reader.visit()
        assert reader.run("print('before')") == "done"
        server.stop()
        reader.evaluate("print('after')")
        reader.until(lambda: reader.state == "away")
        assert "cannot be reached. Trying again" in reader.text(".sagecell_status")
        assert reader.text(".sagecell_stdout") == "before"
        (link,) = reader.share()
        assert link.startswith(f"{server.url}/?z=")
        assert "cannot be reached" in reader.text(".sagecell_permalink [role=alert]")
        assert server.notice() == b"STOPPING=1"
        server.start()
        assert reader.until_over() == "done"
        assert reader.text(".sagecell_stdout") == "after"
        reader.visit(link)
        assert reader.until_over() == "done"
        assert reader.program == "print('after')"
