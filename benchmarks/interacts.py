"""``python -m benchmarks.interacts``: a slider dragged fast in Chromium.

A visitor moves the slider of an interact at every frame of the screen, 60 times a second, while its
function takes 5 ms. Measured are the time from the last move until its value is shown, and the most
runs that were queued, sent or waiting in the page. It is a measurement, not a test.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from attrs import frozen
from selenium import webdriver

from benchmarks import machine
from benchmarks.client import PATIENCE, Unexpected
from benchmarks.peers.sagecell import SagecellTx
from tests.browser.chromium import start_chromium

#: The promised maxima.
MOST_LATENCY = 100.0  # ms
MOST_QUEUED = 2

#: The slider's range is larger than the drag: its last value does not occur before the end.
PROGRAM = """\
import time

@interact
def show(n=ContinuousSlider((0, 1000), stepsize=1)):
    until = time.perf_counter() + {seconds}
    while time.perf_counter() < until:
        pass
    print("n is", n)
"""

#: Runs before the page's own scripts: records pending updates from the page's sockets.
_LISTEN = r"""
(() => {
  const open = new Set();
  const watch = { open, sent: 0, most: 0, lastSent: "" };
  window.updates = watch;
  const plain = (data) => (typeof data === "string" ? data.replaceAll('\\"', '"') : "");
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const text = plain(data);
    if (/"msg_type":\s*"sagenb\.interact\.update_interact"/.test(text)) {
      if (!this.isWatched) {
        this.isWatched = true;
        this.addEventListener("message", (event) => {
          const said = plain(event.data);
          if (!said.includes("update_interact_reply")) return;
          for (const id of open) if (said.includes(id)) open.delete(id);
        });
      }
      open.add(/"msg_id":\s*"([^"]+)"/.exec(text)[1]);
      watch.sent += 1;
      watch.lastSent = /"n":\s*([\d.]+)/.exec(text)?.[1] ?? watch.lastSent;
    }
    return send.call(this, data);
  };
})();
"""

#: Moves the slider at every frame; then waits, frame by frame, for the last value to be shown.
_DRAG = r"""
const [seconds, done] = arguments;
const slider = document.querySelector(".sagecell_interactContainer input[type=range]");
const output = document.querySelector(".sagecell_interactOutput");
const { updates } = window;
const before = updates.sent;
let events = 0;
let most = 0;
let value = 0;
const move = (to) => {
  value = to;
  slider.value = String(to);
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  events += 1;
  most = Math.max(most, updates.open.size + Number(Number(updates.lastSent) !== value));
};
const shown = () => {
  const said = output.querySelector(".sagecell_stdout")?.textContent ?? "";
  return Number(said.replace("n is", "")) === value;
};
const begun = performance.now();
let last = 0;
const frame = () => {
  if (last === 0 && performance.now() - begun < seconds * 1000) {
    move(1 + (events % 998));
  } else if (last === 0) {
    move(1000);
    last = performance.now();
  } else if (shown()) {
    const latency = performance.now() - last;
    const dragged = (last - begun) / 1000;
    done({ events, dragged, latency, most, runs: updates.sent - before });
    return;
  }
  requestAnimationFrame(frame);
};
requestAnimationFrame(frame);
"""


@frozen
class Drag:
    """The result of one drag of the slider."""

    events: int
    dragged: float  # seconds
    latency: float  # ms from the last event until its value was on the screen
    most: int  # runs that were queued at a time
    runs: int

    def __str__(self) -> str:
        return (
            f"{self.events:>8}{self.events / self.dragged:>12.1f}{self.runs:>7}"
            f"{self.latency:>24.1f}{self.most:>14}"
        )


_TITLES = f"{'events':>8}{'a second':>12}{'runs':>7}{'last value after, ms':>24}{'most queued':>14}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is always 0."""
    options = _options(arguments)
    # SIGTERM stops the browser and the server as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print("\n".join(machine.describe()), end="\n\n")
    with _page(options.milliseconds / 1000) as browser:
        print(_TITLES)
        drags = []
        for _ in range(options.turns):
            browser.set_script_timeout(options.seconds + PATIENCE)
            drags.append(Drag(**browser.execute_async_script(_DRAG, options.seconds)))
            print(drags[-1], flush=True)
    _judge(drags)
    return 0


@contextmanager
def _page(seconds: float) -> Iterator[webdriver.Chrome]:
    """A browser in which the interact has run once."""
    with tempfile.TemporaryDirectory(prefix="interacts-") as name:
        directory = Path(name)
        server = SagecellTx(directory / "sagecell")
        server.start()
        try:
            server.await_ready_kernels()
            browser = start_chromium(profile=directory / "profile", downloads=directory)
            try:
                script = {"source": _LISTEN}
                browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
                browser.get(f"{server.url}/?c={quote(PROGRAM.format(seconds=seconds))}")
                _await(lambda: _text(browser, ".sagecell_interactOutput").startswith("n is 0"))
                yield browser
            finally:
                browser.quit()
        finally:
            server.stop()


def _text(browser: webdriver.Chrome, selector: str) -> str:
    script = "return document.querySelector(arguments[0])?.textContent.trim() ?? ''"
    return str(browser.execute_script(script, selector))


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise Unexpected("the interact did not appear")
        time.sleep(0.05)


def _judge(drags: Sequence[Drag]) -> None:
    latencies = [drag.latency for drag in drags]
    most = max(drag.most for drag in drags)
    lines = [
        (
            f"the last value is shown at most {MOST_LATENCY:.0f} ms after the last event: "
            f"median {statistics.median(latencies):.1f}, at worst {max(latencies):.1f}",
            max(latencies) <= MOST_LATENCY,
        ),
        (f"at most {MOST_QUEUED} runs are ever queued: {most}", most <= MOST_QUEUED),
    ]
    print("\nPromised:")
    for sentence, is_kept in lines:
        print(f"  {'kept  ' if is_kept else 'BROKEN'} {sentence}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.interacts", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each drag lasts [10]")
    parser.add_argument("--turns", type=int, default=3, help="number of drags [3]")
    parser.add_argument(
        "--milliseconds", type=float, default=5.0, help="time that the function takes [5]"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
