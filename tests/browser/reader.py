"""What a reader does on the page, and what a reader sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"

#: The states in which an evaluation is over.
OVER = frozenset({"done", "failed", "stopped", "ended", "refused", "lost"})


class Reader:
    """A browser on the server's page."""

    def __init__(self, browser: webdriver.Chrome, url: str, downloads: Path) -> None:
        self.browser = browser
        self.url = url
        self.downloads = downloads

    def visit(self, path: str = "/") -> None:
        """Open a page of the server and wait for its editor."""
        self.browser.get(path if path.startswith("http") else f"{self.url}{path}")
        self.until(lambda: self.all(".cm-content"))

    def type(self, program: str) -> None:
        """Put a program into the editor by key strokes, in place of what is there."""
        content = self.one(".cm-content")
        content.click()
        keys = ActionChains(self.browser)
        keys.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(Keys.DELETE)
        for number, line in enumerate(program.splitlines()):
            if number:
                # A new line is indented by the editor: back to its beginning.
                keys.send_keys(Keys.ENTER).key_down(Keys.SHIFT).send_keys(Keys.HOME)
                keys.key_up(Keys.SHIFT).send_keys(Keys.DELETE)
            keys.send_keys(line)
        keys.perform()

    def evaluate(self, program: str = "") -> None:
        """Type a program, if one is given, and press Evaluate."""
        if program:
            self.type(program)
        self.one(".sagecell_evalButton").click()

    def run(self, program: str) -> str:
        """Evaluate a program and wait until that is over; gives the state then."""
        self.evaluate(program)
        return self.until_over()

    def until_over(self) -> str:
        """Wait for the end of the evaluation; gives the state then."""
        return str(self.until(lambda: self.state() if self.state() in OVER else None))

    def state(self) -> str:
        """The state that the page shows."""
        return str(self.one(".sagecell_status").get_attribute("data-state"))

    def one(self, selector: str) -> Any:
        """The first such element."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        """All such elements."""
        return list(self.browser.find_elements(By.CSS_SELECTOR, selector))

    def text(self, selector: str) -> str:
        """What all such elements say."""
        return "".join(element.text for element in self.all(selector))

    def until(self, happened: Any, seconds: float = 60) -> Any:
        """Wait for something to be true; gives what it is."""
        return WebDriverWait(self.browser, seconds, 0.05).until(lambda _: happened())

    def javascript(self, script: str, *arguments: object) -> Any:
        """Run a script in the page."""
        return self.browser.execute_script(script, *arguments)

    def keep_picture(self, name: str) -> None:
        """Keep a screenshot as a test artefact."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        height = self.javascript("return document.documentElement.scrollHeight")
        width = self.javascript("return document.documentElement.clientWidth")
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        self.browser.save_screenshot(str(SCREENSHOTS / f"{name}.png"))
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def asked_hosts(self) -> set[str]:
        """The hosts that the page has sent requests to."""
        hosts = set()
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = urlsplit(message["params"]["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                url = urlsplit(message["params"]["url"])
            else:
                continue
            if url.scheme in ("http", "https", "ws", "wss"):
                hosts.add(url.netloc)
        return hosts

    def complaints(self) -> list[str]:
        """What the browser's console says is severely wrong."""
        return [
            entry["message"]
            for entry in self.browser.get_log("browser")
            if entry["level"] == "SEVERE"
        ]
