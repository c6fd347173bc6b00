"""A reader's actions on the page, and what the page shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"

#: The states in which an evaluation is over.
OVER = frozenset({"done", "failed", "stopped", "ended", "refused", "lost"})

_LOAD = """
const done = arguments[1], script = document.createElement("script");
script.src = arguments[0];
script.onload = () => done(true);
script.onerror = () => done(false);
document.head.append(script);
"""

_T = TypeVar("_T")


class Reader:
    """A browser on the server's page. Its logs, and how it looks, are known of Chromium alone."""

    def __init__(self, browser: webdriver.Chrome, url: str, downloads: Path) -> None:
        self.browser = browser
        self.url = url
        self.downloads = downloads

    # --- what a reader does

    def start_afresh(self) -> None:
        """Open the page with an empty cell; clears the browser's logs."""
        self.browser.get("about:blank")
        self.browser.get_log("performance")
        self.browser.get_log("browser")
        self.forget()
        self.visit()

    def forget(self) -> None:
        """Clear the browser's storage for the server: no program of an earlier test is shown."""
        which = {"origin": self.url, "storageTypes": "local_storage"}
        self.browser.execute_cdp_cmd("Storage.clearDataForOrigin", which)

    def visit(self, address: str = "/") -> None:
        """Open a URL, or a path of the server, and wait for the editor."""
        self.browser.get(f"{self.url}{address}" if address.startswith("/") else address)
        self.until(lambda: self.all(".cm-content"))

    def press(self, *keys: str) -> None:
        """Press keys together, wherever the focus is."""
        strokes = ActionChains(self.browser)
        for key in keys[:-1]:
            strokes.key_down(key)
        strokes.send_keys(keys[-1])
        for key in reversed(keys[:-1]):
            strokes.key_up(key)
        strokes.perform()

    def type(self, program: str) -> None:
        """Type a program where the focus is; replaces the present one."""
        self.press(Keys.CONTROL, "a")
        self.press(Keys.DELETE)
        strokes = ActionChains(self.browser)
        for number, line in enumerate(program.splitlines()):
            if number:
                # The editor has indented the new line: back to its beginning.
                strokes.send_keys(Keys.ENTER).key_down(Keys.SHIFT).send_keys(Keys.HOME)
                strokes.key_up(Keys.SHIFT).send_keys(Keys.DELETE)
            strokes.send_keys(line)
        strokes.perform()

    def evaluate(self, program: str) -> None:
        """Type a program and press Evaluate."""
        self.one(".cm-content").click()
        self.type(program)
        self.one(".sagecell_evalButton").click()

    def run(self, program: str) -> str:
        """Evaluate a program and wait for its end; returns the state."""
        self.evaluate(program)
        return self.until_over()

    def share(self) -> list[str]:
        """Press Share; returns the links, the short one first if there is one."""
        self.one(".sagecell_shareButton").click()

        def links() -> list[str]:
            fields = self.all(".sagecell_permalink input")
            return [str(field.get_attribute("value")) for field in fields]

        # The short one may come first, alone.
        self.until(lambda: any("z=" in link.partition("?")[2] for link in links()))
        return links()

    # --- what a reader waits for

    def until(self, happened: Callable[[], _T], seconds: float = 60) -> _T:
        """Wait until `happened` is true; returns its value.

        The page may replace an element while `happened` looks at it, which is then asked again.
        """
        replaced = [StaleElementReferenceException]
        wait = WebDriverWait[webdriver.Chrome](self.browser, seconds, 0.05, replaced)
        found: _T = wait.until(lambda _: happened())
        return found

    def until_over(self) -> str:
        """Wait for the end of the evaluation, and for all of its output; returns the state."""
        self.until(lambda: self.state in OVER and self.has_drawn("body"))
        return self.state

    def has_drawn(self, cell: str) -> bool:
        """Whether a cell's output is drawn, which takes a frame or more after the end."""
        return not self.all(f"{cell} .sagecell_output[aria-busy=true]")

    def until_pictures_are_there(self, least: int = 1) -> list[int]:
        """Wait for `least` pictures, each loaded or failed; returns their widths."""
        script = (
            "return document.images.length >= arguments[0]"
            " && [...document.images].every(image => image.complete)"
        )
        self.until(lambda: self.javascript(script, least))
        widths = "return [...document.images].map(image => image.naturalWidth)"
        return list(self.javascript(widths))

    # --- what a reader sees

    @property
    def state(self) -> str:
        """The state that the page shows."""
        return str(self.one(".sagecell_status").get_attribute("data-state"))

    @property
    def program(self) -> str:
        """The text in the editor."""
        lines = "[...document.querySelectorAll('.cm-line')].map(line => line.textContent)"
        return "\n".join(self.javascript(f"return {lines}"))

    @property
    def focus(self) -> str:
        """The classes of the element that has the focus."""
        return str(self.browser.switch_to.active_element.get_attribute("class"))

    def one(self, selector: str) -> Any:
        """The first such element."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        """All such elements."""
        return list(self.browser.find_elements(By.CSS_SELECTOR, selector))

    def text(self, selector: str) -> str:
        """The text of all such elements."""
        return "".join(element.text for element in self.all(selector))

    def javascript(self, script: str, *arguments: object) -> Any:
        """Run a script in the page; returns its result."""
        return self.browser.execute_script(script, *arguments)

    def load(self, address: str) -> None:
        """Load a script into the open page, and wait until it has run."""
        assert self.browser.execute_async_script(_LOAD, address), f"no script: {address}"

    # --- how it looks

    @contextmanager
    def by_night(self) -> Iterator[None]:
        """Within the context, the system prefers dark colours."""
        with self.in_medium(feature="prefers-color-scheme", value="dark"):
            yield

    @contextmanager
    def in_medium(self, medium: str = "", *, feature: str = "", value: str = "") -> Iterator[None]:
        """Within the context, the page is on this medium, such as "print", with this feature."""
        features = [{"name": feature, "value": value}] if feature else []
        command = "Emulation.setEmulatedMedia"
        self.browser.execute_cdp_cmd(command, {"media": medium, "features": features})
        try:
            yield
        finally:
            self.browser.execute_cdp_cmd(command, {"media": "", "features": []})

    @contextmanager
    def on_screen(self, width: int, height: int, *, mobile: bool = False) -> Iterator[None]:
        """Within the context, the screen has this size in CSS pixels."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        try:
            yield
        finally:
            self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    @contextmanager
    def by_touch(self) -> Iterator[None]:
        """Within the context, the screen is a touch screen and there is no mouse."""
        command = "Emulation.setTouchEmulationEnabled"
        self.browser.execute_cdp_cmd(command, {"enabled": True})
        try:
            yield
        finally:
            self.browser.execute_cdp_cmd(command, {"enabled": False})

    @contextmanager
    def slowly(self, times: float) -> Iterator[None]:
        """Within the context, the processor is slowed so many times."""
        command = "Emulation.setCPUThrottlingRate"
        self.browser.execute_cdp_cmd(command, {"rate": times})
        try:
            yield
        finally:
            self.browser.execute_cdp_cmd(command, {"rate": 1})

    def keep_picture(self, name: str, *, width: int, mobile: bool = False) -> None:
        """Save a screenshot of the whole page as a test artefact."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        screen, page = 0, 100
        # The editor grows with the screen, up to the end of its program.
        while screen < page:
            screen = page
            with self.on_screen(width, screen, mobile=mobile):
                page = self.javascript("return document.documentElement.scrollHeight")
                assert self.browser.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    # --- the browser's logs

    def sent_urls_beside(self, url: str) -> list[str]:
        """URLs of requests to other servers than this one, since the last call."""
        own = urlsplit(url).netloc
        return [
            sent
            for sent in self._sent_urls()
            if urlsplit(sent).scheme not in ("data", "blob", "about", "chrome")
            and urlsplit(sent).netloc != own
        ]

    def _sent_urls(self) -> list[str]:
        """Every requested URL, except those that the page's policy blocked."""
        sent: dict[str, str] = {}
        for entry in self.browser.get_log("performance"):
            note = json.loads(entry["message"])["message"]
            match note["method"], note["params"]:
                case "Network.requestWillBeSent", {"requestId": name, "request": {"url": url}}:
                    sent[name] = url
                case "Network.webSocketCreated", {"requestId": name, "url": url}:
                    sent[name] = url
                case "Network.loadingFailed", {"requestId": name, "blockedReason": "csp"}:
                    sent.pop(name, None)
        return list(sent.values())

    def complaints(self) -> list[str]:
        """The severe messages in the browser's console, since the last call."""
        return [
            entry["message"]
            for entry in self.browser.get_log("browser")
            if entry["level"] == "SEVERE"
        ]
