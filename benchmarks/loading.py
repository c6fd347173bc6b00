"""``python -m benchmarks.loading``: pages opened in Chromium over a slow network.

The network is as slow as WebPageTest's "3G Slow", 400 kbit/s and 400 ms to the first byte of each
response; the processor is slowed to a quarter. The browser's cache is empty. Measured from the
navigation are the times until a cell's button is visible, and until its editor is.

With ``--before``, another checkout with its own built client takes turns with this one. It is a
measurement, not a test.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen
from selenium import webdriver

from benchmarks import machine
from benchmarks.client import PATIENCE
from benchmarks.peers.sagecell import TWISTD, SagecellTx
from tests.browser.book import Book
from tests.browser.chromium import start_chromium

#: The promised times on the server's page, as multiples of those when its script contained jQuery.
MOST_BUTTON = 0.6
MOST_EDITOR = 0.65

_ROOT = Path(__file__).parents[1]
_BEFORE, _NOW = "before", "now"

#: Kernels that are being forked would take processor time.
_SETTINGS = """\
[limits.admission]
max_ready_kernels = 0
"""

#: Runs before the page's own scripts: notes at each frame what has become visible.
_WATCH = """
(() => {
  const seen = (window.seen = { button: 0, editor: 0 });
  const isVisible = (selector) =>
    document.querySelector(selector)?.checkVisibility({ visibilityProperty: true }) ?? false;
  const look = () => {
    if (seen.button === 0 && isVisible(".sagecell_evalButton")) seen.button = performance.now();
    if (seen.editor === 0 && isVisible(".sagecell_input .cm-editor")) seen.editor = performance.now();
    if (seen.editor === 0) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""

#: The times in seconds, when both are known.
_SEEN = """
const done = arguments[0];
const look = () => {
  if (seen.editor === 0) setTimeout(look, 100);
  else done([seen.button / 1000, seen.editor / 1000]);
};
look();
"""

_CELL = """\
<h1>An article</h1><p>A few words.</p>
<div class="compute"><script type="text/x-sage">print(6 * 7)</script></div>
<script>sagecell.makeSagecell({inputLocation: ".compute", languages: ["python"]});</script>
"""
_OWN_JQUERY = "<script>window.jQuery = window.$ = () => undefined;</script>"

#: The kinds of pages.
SERVERS, WITH_JQUERY, WITHOUT = (
    "the server's page",
    "an author's, with jQuery",
    "an author's, without",
)


@frozen
class Load:
    """The times of one load of a page, in seconds."""

    button: float
    editor: float


def _server(directory: Path, root: Path) -> SagecellTx:
    """A server that runs from the source tree at `root`."""
    return SagecellTx(directory, _SETTINGS, twistd=("env", f"PYTHONPATH={root}", TWISTD))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is always 0."""
    options = _options(arguments)
    # SIGTERM stops the browser and the servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print("\n".join(machine.describe()), end="\n\n")
    roots = {_NOW: _ROOT}
    if options.before is not None:
        roots = {_BEFORE: options.before.resolve(), **roots}
    loads: dict[tuple[str, str], list[Load]] = {}
    with _pages(roots) as pages, _browser(options.latency) as browser:
        for _ in range(options.turns):
            for key, url in pages.items():
                loads.setdefault(key, []).append(_load(browser, url))
    _print(loads)
    return 0


@contextmanager
def _pages(roots: dict[str, Path]) -> Iterator[dict[tuple[str, str], str]]:
    """The addresses of the pages, by kind and checkout; checkouts take turns."""
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="loading-")))
        book = opened.enter_context(Book())
        servers = {}
        for name, root in roots.items():
            servers[name] = _server(directory / name, root)
            servers[name].start()
            opened.callback(servers[name].stop)
        pages = {(SERVERS, name): server.url for name, server in servers.items()}
        for kind, head in ((WITH_JQUERY, _OWN_JQUERY), (WITHOUT, "")):
            for name, server in servers.items():
                script = f'<script src="{server.url}/static/embedded_sagecell.js"></script>'
                pages[kind, name] = book.page(head + script, _CELL)
        yield pages


@contextmanager
def _browser(latency: float) -> Iterator[webdriver.Chrome]:
    """A slow browser; `latency` is in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="loading-") as name:
        browser = start_chromium(profile=Path(name) / "profile", downloads=Path(name))
        try:
            browser.set_script_timeout(PATIENCE)
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
            browser.execute_cdp_cmd("Network.enable", {})
            network = {"offline": False, "latency": latency}
            network |= {"downloadThroughput": 50_000, "uploadThroughput": 50_000}
            browser.execute_cdp_cmd("Network.emulateNetworkConditions", network)
            browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 4})
            yield browser
        finally:
            browser.quit()


def _load(browser: webdriver.Chrome, url: str) -> Load:
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    browser.get(url)
    return Load(*browser.execute_async_script(_SEEN))


def _print(loads: dict[tuple[str, str], list[Load]]) -> None:
    print(f"{'medians':<26}{'':<8}{'button, s':>12}{'editor, s':>12}")
    medians = {
        key: Load(
            statistics.median(load.button for load in each),
            statistics.median(load.editor for load in each),
        )
        for key, each in loads.items()
    }
    for (kind, name), load in medians.items():
        print(f"{kind:<26}{name:<8}{load.button:>12.2f}{load.editor:>12.2f}")
        before = medians.get((kind, _BEFORE))
        if name == _NOW and before is not None:
            button, editor = load.button / before.button, load.editor / before.editor
            print(f"{'':<26}{'ratio':<8}{button:>12.2f}{editor:>12.2f}")
            if kind == SERVERS:
                promised = button <= MOST_BUTTON and editor <= MOST_EDITOR
                limits = f"{MOST_BUTTON:>12.2f}{MOST_EDITOR:>12.2f}"
                print(f"{'':<26}{'at most':<8}{limits}  {'kept' if promised else 'BROKEN'}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loading", description=__doc__)
    parser.add_argument("--before", type=Path, help="another checkout, with its client built")
    parser.add_argument("--turns", type=int, default=3, help="loads of each page [3]")
    parser.add_argument(
        "--latency", type=float, default=400.0, help="ms to a response's first byte [400]"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
