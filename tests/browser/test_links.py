"""A link opens its program, also for another reader."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

PROGRAM = "for word in ('naïve', '<b>&amp;'):\n    print(word, 6 * 7)"
SAID = "naïve 42\n<b>&amp; 42"


def test_a_permalink_is_reopened_in_a_new_browser(reader, open_reader):
    reader.one(".cm-content").click()
    reader.type(PROGRAM)
    short, long = reader.share()
    assert short.startswith(f"{reader.url}/?q=")
    assert long.startswith(f"{reader.url}/?z=")
    stranger = open_reader()
    for link in (short, long):
        stranger.visit(link)
        assert stranger.until_over() == "done"
        assert stranger.program == PROGRAM
        assert stranger.text(".sagecell_stdout") == SAID
    assert stranger.complaints() == []


def test_a_run_puts_its_link_into_the_address(reader, open_reader):
    def shown(browser):
        return browser.javascript("return location.href")

    assert reader.run(PROGRAM) == "done"
    reader.until(lambda: "?q=" in shown(reader))
    link = shown(reader)
    assert reader.program == PROGRAM
    reader.one(".sagecell_shareButton").click()
    # At once: no answer of the server has come between the click and this.
    first = "return document.querySelector('.sagecell_permalink input').value"
    assert reader.javascript(first) == link
    assert reader.share()[0] == link
    reader.one(".cm-content").click()
    reader.type("print(4)")
    kept = "return JSON.stringify(localStorage)"
    reader.until(lambda: "print(4)" in reader.javascript(kept))
    reader.browser.refresh()
    reader.until(lambda: reader.all(".sagecell_restore"))
    assert reader.program == PROGRAM
    reader.one(".sagecell_restore").click()
    assert reader.program == "print(4)"

    stranger = open_reader()
    stranger.visit(link)
    assert stranger.until_over() == "done"
    assert stranger.program == PROGRAM
    assert shown(stranger) == link
    assert stranger.run("print(2)") == "done"
    stranger.until(lambda: shown(stranger) != link)
    assert stranger.complaints() == []

    reader.visit()
    reader.javascript(
        "const frame = document.createElement('iframe'); frame.src = arguments[0];"
        "document.body.append(frame);",
        f"/?c={quote('print(3)')}",
    )
    inside = "frames[0].document.querySelector('.sagecell_status')?.dataset.state"
    reader.until(lambda: reader.javascript(f"return {inside}") == "done")
    assert "?c=" in reader.javascript("return frames[0].location.href")


def test_a_link_is_copied(reader):
    reader.type(PROGRAM)
    short, _ = reader.share()
    reader.one(".sagecell_copyButton").click()
    reader.until(lambda: "Copied" in reader.text(".sagecell_permalink_result"))
    reader.one(".cm-content").click()
    reader.press(Keys.CONTROL, "a")
    reader.press(Keys.CONTROL, "v")
    reader.until(lambda: reader.program == short)


@pytest.mark.parametrize("padding", ["=", ""])
def test_a_link_that_another_program_made(reader, padding):
    packed = base64.urlsafe_b64encode(zlib.compress(PROGRAM.encode())).decode()
    packed = packed if padding else packed.rstrip("=")
    reader.visit(f"/?z={quote(packed)}&lang=python")
    assert reader.until_over() == "done"
    assert reader.text(".sagecell_stdout") == SAID


def test_a_link_may_leave_the_first_word_to_the_reader(reader):
    reader.visit(f"/?c={quote(PROGRAM)}&autoeval=false")
    assert reader.program == PROGRAM
    assert reader.state == "idle"
