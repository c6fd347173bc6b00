"""Debian's Chromium and its driver, headless and with a separate profile."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1100,900",
)


def start_chromium(
    *, profile: Path, downloads: Path, flags: Sequence[str] = ()
) -> webdriver.Chrome:
    """A browser with further `flags`, which keeps its logs and saves files in `downloads`.

    The caller quits it.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = _installed("chromium")
    for flag in (*_FLAGS, *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = _started(options)
    browser.set_script_timeout(60)
    return browser


def _started(options: webdriver.ChromeOptions) -> webdriver.Chrome:
    driver = _installed("chromedriver")
    # Selenium chooses a port that is free, and another program may have taken it before the driver does.
    for _ in range(2):
        with suppress(WebDriverException):
            return webdriver.Chrome(options=options, service=Service(driver))
    return webdriver.Chrome(options=options, service=Service(driver))


def _installed(program: str) -> str:
    path = shutil.which(program)
    assert path is not None, (
        f"The browser tests need {program}, which is not installed: "
        "apt-get install chromium chromium-driver"
    )
    return path
