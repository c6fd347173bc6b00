"""A reader types a program, presses Evaluate and sees what it says."""

from __future__ import annotations

import os
import re
import signal
from urllib.parse import urlsplit

import pytest

from tests.integration.servers import Server

pytestmark = pytest.mark.browser

SHOWCASE = """\
import numpy as np, matplotlib.pyplot as plt, pandas as pd
x = np.linspace(0, 2 * np.pi, 200)
for n in (1, 2, 3): plt.plot(x, np.sin(n * x) / n, label=f"sin {n}x / {n}")
plt.legend(); plt.show()
print("The first three partial waves of a sawtooth.")
pd.DataFrame({"n": [1, 2, 3], "amplitude": [1, 1/2, 1/3]}).round(3)"""

CSV = "".join(f"{n},{n * n}\r\n" for n in range(1000)).encode()

SAVE = """\
rows = "".join(f"{n},{n * n}\\r\\n" for n in range(1000))
print(open("squares.csv", "w", newline="").write(rows))"""


def test_text_plot_and_table(reader, server):
    reader.visit()
    assert reader.run(SHOWCASE) == "done"
    assert "partial waves" in reader.text(".sagecell_stdout")
    image = reader.one(".sagecell_image")
    reader.until(lambda: reader.javascript("return arguments[0].naturalWidth", image) > 100)
    cells = [cell.text for cell in reader.all(".sagecell_html table td")]
    assert cells == ["1", "1.000", "2", "0.500", "3", "0.333"]
    reader.keep_picture("light")
    assert reader.asked_hosts() == {urlsplit(server.url).netloc}
    assert reader.complaints() == []


def test_in_the_dark_and_on_a_phone(reader):
    reader.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    reader.visit()
    assert reader.run(SHOWCASE) == "done"
    colour = reader.javascript("return getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", colour)[:3]) < 60, colour
    reader.keep_picture("dark")
    for width in (390, 360):
        reader.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True},
        )
        assert reader.javascript("return document.documentElement.scrollWidth") <= width
    reader.keep_picture("phone")


def test_a_file_is_offered_and_downloaded_byte_for_byte(reader):
    reader.visit()
    assert reader.run(SAVE) == "done"
    link = reader.until(lambda: reader.all(".sagecell_sessionFiles a[download]"))[0]
    assert "squares.csv" in link.text
    link.click()
    saved = reader.downloads / "squares.csv"
    reader.until(lambda: saved.exists() and saved.read_bytes() == CSV)


def test_a_coloured_traceback(reader):
    reader.visit()
    assert reader.run("def f(): return 1/0\nf()") == "failed"
    assert "ZeroDivisionError" in reader.text(".sagecell_pyerr")
    colours = reader.javascript(
        "return [...document.querySelectorAll('.sagecell_pyerr span')]"
        ".map(span => getComputedStyle(span).color)"
    )
    assert len(set(colours)) > 1


def test_an_endless_loop_is_stopped(reader):
    reader.visit()
    reader.evaluate("print('in', flush=True)\nwhile True: pass")
    reader.until(lambda: "in" in reader.text(".sagecell_stdout"))
    assert reader.state() == "running"
    reader.one(".sagecell_stopButton").click()
    assert reader.until_over() == "stopped"
    assert reader.run("print(6 * 7)") == "done"
    assert "42" in reader.text(".sagecell_stdout")


def test_a_permalink_is_reopened_in_a_new_browser(open_reader):
    first = open_reader()
    first.visit()
    first.type("print('shared', 6 * 7)")
    first.one(".sagecell_shareButton").click()
    links = first.until(
        lambda: [field.get_attribute("value") for field in first.all(".sagecell_permalink input")]
    )
    assert len(links) == 2
    second = open_reader()
    for link in links:
        second.visit(link)
        assert second.until_over() == "done"
        assert second.text(".cm-content") == "print('shared', 6 * 7)"
        assert "shared 42" in second.text(".sagecell_stdout")


def test_by_keyboard_alone(reader):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    reader.visit()
    reader.type("print('keys')")
    keys = ActionChains(reader.browser)
    keys.key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
    assert reader.until_over() == "done"
    ActionChains(reader.browser).send_keys(Keys.ESCAPE, Keys.TAB).perform()
    focused = reader.browser.switch_to.active_element
    assert "sagecell_evalButton" in focused.get_attribute("class")


def test_formulas_and_markdown(reader):
    reader.visit()
    program = (
        "from IPython.display import Latex, Markdown\n"
        "display(Latex(r'$\\\\int_0^1 x^2 dx$'.replace('\\\\\\\\', '\\\\')))\n"
        "display(Markdown('some **bold** words'))"
    )
    assert reader.run(program) == "done"
    reader.until(lambda: reader.all(".sagecell_sessionOutput .katex"))
    reader.until(lambda: reader.text(".sagecell_sessionOutput strong") == "bold")


def test_hostile_html_does_nothing(reader):
    reader.visit()
    program = (
        "from IPython.display import HTML\n"
        "HTML('<p>seen</p><img src=x onerror=\"window.hit=1\"><script>window.hit=2</script>')"
    )
    assert reader.run(program) == "done"
    reader.until(lambda: "seen" in reader.text(".sagecell_html"))
    assert reader.javascript("return window.hit === undefined")


def test_a_kernel_that_dies_is_told(reader):
    reader.visit()
    assert reader.run("import os; os._exit(3)") == "ended"
    assert "unexpectedly" in reader.text(".sagecell_status")


def test_a_server_that_goes_away_is_told(open_reader):
    with Server() as server:
        reader = open_reader()
        reader.url = server.url
        reader.visit()
        reader.evaluate("print('in', flush=True)\nwhile True: pass")
        reader.until(lambda: "in" in reader.text(".sagecell_stdout"))
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        assert reader.until_over() == "lost"
        server.process.wait()
