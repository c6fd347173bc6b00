"""WebKitGTK's small browser, on a virtual screen, with a separate profile."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.browser.installed import installed


@contextmanager
def webkit(profile: Path) -> Iterator[webdriver.WebKitGTK]:
    """Within the context, a browser; without its driver or a virtual screen, the test is skipped."""
    driver = installed("WebKitWebDriver", package="webkit2gtk-driver")
    with _screen() as screen:
        environment = {
            **os.environ,
            "HOME": str(profile),
            "XDG_RUNTIME_DIR": str(profile),
            "DISPLAY": screen,
            "NO_AT_BRIDGE": "1",  # there is no bus for accessibility
        }
        service = Service(driver, env=environment, log_output=str(profile / "log"))
        with warnings.catch_warnings():
            # Selenium's own driver calls its connection in a deprecated way.
            warnings.simplefilter("ignore", DeprecationWarning)
            browser = webdriver.WebKitGTK(options=Options(), service=service)
        try:
            browser.set_window_size(1100, 900)
            browser.set_script_timeout(60)
            yield browser
        finally:
            browser.quit()


@contextmanager
def _screen() -> Iterator[str]:
    """Within the context, an X server that has no screen; its address."""
    program = installed("Xvfb", package="xvfb")
    ours, theirs = os.pipe()
    size = ["-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    process = subprocess.Popen(
        [program, "-displayfd", str(theirs), *size],
        pass_fds=[theirs],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        with os.fdopen(ours) as number:
            yield f":{number.readline().strip()}"
    finally:
        process.terminate()
        process.wait(timeout=60)
