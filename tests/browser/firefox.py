"""Debian's Firefox, headless and with a separate profile."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver

from tests.browser.installed import installed
from tests.browser.marionette import Marionette
from tests.integration.waiting import until

#: Marionette listens on a free port, whose number is written into the profile.
_SETTINGS = 'user_pref("marionette.port", 0);\n'
_PORT = "MarionetteActivePort"


@contextmanager
def firefox(profile: Path) -> Iterator[webdriver.Remote]:
    """Within the context, a browser; without Firefox, the test is skipped."""
    program = installed("firefox-esr", package="firefox-esr")
    (profile / "user.js").write_text(_SETTINGS)
    options = [
        "--headless",
        "--marionette",
        "--width=1100",
        "--height=900",
        "--profile",
        str(profile),
    ]
    with (profile / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *options],
            env={**os.environ, "HOME": str(profile)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _is_listening(process, profile))
        connection = Marionette(int((profile / _PORT).read_text()))
        browser = webdriver.Remote(connection, options=webdriver.FirefoxOptions())
        try:
            browser.set_script_timeout(60)
            yield browser
        finally:
            browser.quit()
    finally:
        process.terminate()
        process.wait(timeout=60)


def _is_listening(process: subprocess.Popen[bytes], profile: Path) -> bool:
    """Whether the port is known; fails if Firefox has ended."""
    assert process.poll() is None, (profile / "log").read_text(errors="replace")
    port = profile / _PORT
    return port.exists() and port.read_text().isdigit()
