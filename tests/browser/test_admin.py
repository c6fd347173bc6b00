"""The admin page in Chromium: with a mouse and without, by day and by night, on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from tests.browser.axe import violations_by_day_and_night
from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader
from tests.integration.script import Client
from tests.integration.servers import Server

pytestmark = pytest.mark.browser

TOKEN = "a-token-for-the-tests"

#: Sends a request with all cookies that the browser has for its address.
_ASK = """
const [address, done] = arguments;
const init = { method: "POST", credentials: "include", mode: "no-cors" };
fetch(address, init).then(({ type }) => done(type), () => done("blocked"));
"""

#: What a stranger's page claims to be.
HOSTILE = "https://<img src=x onerror=alert(1)>" + "w" * 300


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(admin_token=TOKEN) as own:
        yield own


@pytest.fixture
def operator(open_reader: OpenReader, server: Server) -> Iterator[Reader]:
    """A browser on the admin page that is not logged in."""
    reader = open_reader()
    reader.browser.get(f"{server.admin_url}/admin")
    reader.until(lambda: reader.one("#login").is_displayed())
    yield reader
    assert reader.sent_urls_beside(server.admin_url) == []
    assert "Content Security Policy" not in "".join(reader.complaints())


def start(server: Server, site: str) -> str:
    answer = requests.post(
        f"{server.url}/kernel", data={"timeout": "600"}, headers={"Origin": site}, timeout=60
    )
    return str(answer.json()["id"])


def log_in(reader: Reader) -> None:
    """By the keyboard: the focus is where the token is typed."""
    reader.browser.switch_to.active_element.send_keys(TOKEN, Keys.ENTER)
    reader.until(lambda: reader.one("#overview").is_displayed())


def rows(reader: Reader) -> list[str]:
    """The sessions that are shown."""
    return [row.text for row in reader.all("#overview > div > section:nth-of-type(1) tbody tr")]


def test_the_token(operator, server):
    assert operator.one("#overview").text == ""
    assert violations_by_day_and_night(operator) == []
    operator.keep_picture("admin-login", width=390, mobile=True)
    operator.browser.switch_to.active_element.send_keys("wrong", Keys.ENTER)
    operator.until(lambda: "not the token" in operator.text("#refused"))
    assert violations_by_day_and_night(operator) == []
    # The focus is there again: what is typed replaces the wrong one.
    operator.press(Keys.CONTROL, "a")
    log_in(operator)
    assert operator.javascript("return document.cookie") == ""
    operator.browser.refresh()
    operator.until(lambda: operator.one("#overview").is_displayed())
    operator.one("#actions button:last-child").click()
    operator.until(lambda: operator.one("#login").is_displayed())
    operator.browser.refresh()
    operator.until(lambda: operator.one("#login").is_displayed())


def test_it_is_brought_up_to_date_and_looks_as_it_should(operator, server):
    log_in(operator)
    ids = [start(server, site) for site in ("https://book.example", HOSTILE, "https://a.example")]
    with Client(server.url, timeout="600", kernel_id=ids[0]) as client:
        client.execute("while True: pass")
        operator.until(lambda: len(rows(operator)) == 3)
        operator.until(lambda: any("busy" in row and "%" in row for row in rows(operator)))
        assert operator.all("img") == []
        assert ids[0] not in operator.browser.page_source
        assert violations_by_day_and_night(operator) == []
        operator.keep_picture("admin-light", width=1280)
        operator.keep_picture("admin-phone", width=390, mobile=True)
        with operator.by_night():
            operator.keep_picture("admin-dark", width=1280)
            operator.keep_picture("admin-dark-phone", width=390, mobile=True)
        with operator.on_screen(390, 800, mobile=True):
            page = "document.documentElement"
            assert operator.javascript(f"return {page}.scrollWidth - {page}.clientWidth") == 0
            assert violations_by_day_and_night(operator) == []
    for kernel_id in ids:
        requests.delete(f"{server.url}/kernel/{kernel_id}", timeout=60)
    operator.until(lambda: rows(operator) == [])


def test_a_session_is_stopped_without_a_mouse(operator, server):
    log_in(operator)
    first, second = start(server, "https://a.example"), start(server, "https://b.example")
    operator.until(lambda: len(rows(operator)) == 2)
    while second[:8] not in operator.browser.switch_to.active_element.accessible_name:
        operator.press(Keys.TAB)
    button = operator.browser.switch_to.active_element
    assert button.accessible_name == f"Stop {second[:8]}-..."
    # It stays where it is while the table is brought up to date.
    before = rows(operator)
    operator.until(lambda: rows(operator) != before)
    assert operator.browser.switch_to.active_element == button
    # The driver cannot press a key that opens a dialog: the browser's answers are no, and then yes.
    operator.javascript(
        "window.asked = []; window.confirm = (text) => window.asked.push(text) > 1;"
    )
    operator.press(Keys.ENTER)
    operator.press(Keys.ENTER)
    operator.until(lambda: len(rows(operator)) == 1)
    asked = operator.javascript("return window.asked")
    assert len(asked) == 2
    assert second[:8] in asked[0]
    status = requests.get(f"{server.url}/status.json", timeout=60).json()
    assert status["kernels"]["ended"]["stopped"] >= 1
    requests.delete(f"{server.url}/kernel/{first}", timeout=60)
    server.until_quiet()


def test_another_page_of_this_machine_reads_nothing_and_changes_nothing(operator, server):
    log_in(operator)
    # The server's own pages have a policy that forbids this.
    operator.browser.get("data:text/html,<p>page</p>")
    found = operator.browser.execute_async_script(_ASK, f"{server.admin_url}/admin/drain")
    assert found in ("opaque", "blocked")
    assert requests.get(f"{server.url}/status.json", timeout=60).json()["draining"] is None
    framed = f"<iframe src='{server.admin_url}/admin'></iframe>"
    operator.browser.get(f"data:text/html,{framed}")
    operator.browser.switch_to.frame(0)
    assert operator.all("#login") == []
    operator.browser.switch_to.default_content()
    operator.complaints()
