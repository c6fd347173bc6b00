"""A real Chromium, and the server whose page it shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.browser.reader import Reader
from tests.integration.servers import Server

FLAGS = (
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

OpenReader = Callable[[], Reader]


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """The server that these tests share."""
    with Server() as shared:
        yield shared


@pytest.fixture
def open_reader(server: Server, tmp_path: Path) -> Iterator[OpenReader]:
    """Opens browsers, each with a fresh profile, and closes them in the end."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert binary is not None, "apt-get install chromium chromium-driver"
    assert driver is not None, "apt-get install chromium chromium-driver"
    opened: list[Reader] = []

    def open_one() -> Reader:
        number = len(opened)
        downloads = tmp_path / f"downloads{number}"
        downloads.mkdir()
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for flag in FLAGS:
            options.add_argument(flag)
        options.add_argument(f"--user-data-dir={tmp_path / f'profile{number}'}")
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        browser = webdriver.Chrome(options=options, service=Service(driver))
        reader = Reader(browser, server.url, downloads)
        opened.append(reader)
        return reader

    yield open_one
    for reader in opened:
        reader.browser.quit()


@pytest.fixture
def reader(open_reader: OpenReader) -> Reader:
    """One reader's browser."""
    return open_reader()
