"""Jupyter's clients from npm and PyPI, unmodified, in Chromium."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.book import Book
from tests.browser.chromium import start_chromium
from tests.browser.reader import Reader
from tests.browser.relay import Relay
from tests.integration.servers import Server
from tests.jupyter.programs import HERE, TALK, gateway_client_of

pytestmark = pytest.mark.jupyter


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """The browser of these tests."""
    folder: Path = tmp_path_factory.mktemp("profile")
    browser = start_chromium(profile=folder, downloads=folder)
    yield browser
    browser.quit()


@pytest.fixture
def reader(browser: webdriver.Chrome, server: Server, tmp_path: Path) -> Iterator[Reader]:
    """Opens pages."""
    yield Reader(browser, server.url, tmp_path)
    browser.get("about:blank")


@pytest.fixture(scope="module")
def book() -> Iterator[Book]:
    """A site at another origin than the server."""
    with Book(HERE / "node_modules") as site:
        yield site


def bundle(module: str) -> str:
    """A module with all that it imports, as a script for browsers."""
    builder = str(HERE / "node_modules" / "esbuild" / "bin" / "esbuild")
    command = [builder, module, "--bundle", "--log-level=warning"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


TALK_WITH = """
const [url, cutter, done] = arguments;
talkWith(url, cutter).then(done, (error) => done(String(error?.stack ?? error)));
"""


def test_services_talks_with_a_kernel(server: Server, reader: Reader, book: Book) -> None:
    script = book.script(bundle("page.mjs"))
    with Relay(server.port) as relay:
        cutter = book.action(relay.cut)
        reader.browser.get(book.page(f"<script src='{script}'></script>", ""))
        seen = reader.browser.execute_async_script(TALK_WITH, f"{relay.url}/", cutter)
    assert seen == TALK, reader.browser.get_log("browser")


CELLS = (
    "x = 6 * 7\nprint(x)",
    "print(x + 1)\nx / 0",
)


def test_thebe_on_a_page(server: Server, reader: Reader, book: Book) -> None:
    config = {
        "bootstrap": True,
        "useBinder": False,
        # Without a token in its settings, Thebe sends a random one.
        "serverSettings": {"baseUrl": server.url, "token": ""},
    }
    head = f"""<script type="text/x-thebe-config">{json.dumps(config)}</script>
        <link rel="stylesheet" href="/npm/thebe/lib/thebe.css">
        <script src="/npm/thebe/lib/index.js"></script>"""
    cells = "".join(f"<pre data-executable>{each}</pre>" for each in CELLS)
    reader.browser.get(book.page(head, cells))
    reader.until(lambda: reader.javascript("return Boolean(window.thebe?.session)"))
    first, second = reader.all(".thebe-cell")

    def output(cell: WebElement) -> str:
        return str(cell.find_element("css selector", ".thebe-output").text)

    first.find_element("css selector", ".thebe-run-button").click()
    reader.until(lambda: output(first) == "42")
    second.find_element("css selector", ".thebe-run-button").click()
    reader.until(lambda: "ZeroDivisionError" in output(second))
    assert output(second).startswith("43\n")


NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "cells": [
        {
            "id": f"cell{number}",
            "cell_type": "code",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(
            (
                "x = 6 * 7\nprint(x)",
                "from IPython.display import HTML\nHTML(f'<b class=\"shown\">{x + 1}</b>')",
                "x / 0",
            )
        )
    ],
}


def test_jupyterlab_with_a_gateway(server: Server, reader: Reader, tmp_path: Path) -> None:
    notebook = tmp_path / "a.ipynb"
    notebook.write_text(json.dumps(NOTEBOOK), encoding="utf-8")
    options = [
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    with gateway_client_of(server, "jupyterlab", tmp_path, *options) as url:
        reader.browser.get(f"{url}/lab/tree/a.ipynb?reset")
        is_ready = """
            const context = window.jupyterapp?.shell.currentWidget?.context;
            return context?.sessionContext?.session?.kernel?.status === "idle" && context.isReady"""
        reader.until(lambda: reader.browser.execute_script(is_ready))
        command = "return window.jupyterapp.commands.execute(arguments[0])"
        reader.browser.execute_script(command, "notebook:run-all-cells")
        assert reader.text(".jp-OutputArea-output .shown") == "43"
        reader.until(lambda: reader.all('[data-mime-type="application/vnd.jupyter.stderr"]'))
        reader.browser.execute_script(command, "docmanager:save")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert [each["execution_count"] for each in cells] == [1, 2, 3]
    assert cells[0]["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["42\n"]}]
    assert cells[1]["outputs"][0]["data"]["text/html"] == ['<b class="shown">43</b>']
    assert cells[2]["outputs"][0]["ename"] == "ZeroDivisionError"
