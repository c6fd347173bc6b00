"""Figures of ipympl in a forked kernel."""

from __future__ import annotations

import base64
from itertools import islice
from typing import Any

import pytest

from sagecell_tx.kernelside.userapi.plotwidgets import _names
from tests.kernelside.userapi.test_widgets import comm_of

FIGURE = """\
%matplotlib widget
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.set(title="Fall", xlabel="Time")
axes.plot([1, 4, 9]);"""

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize(
    ("title", "ending", "first", "second"),
    [
        ("Figure 1", "png", "Figure 1.png", "Figure 1 (2).png"),
        ("../../etc/passwd", "p/d", "_.._etc_passwd.pd", "_.._etc_passwd (2).pd"),
        (" . ", "svg", "Figure.svg", "Figure (2).svg"),
        ("x" * 1000, "png", f"{'x' * 60}.png", f"{'x' * 60} (2).png"),
    ],
)
def test_names_of_saved_figures(title, ending, first, second):
    assert list(islice(_names(title, ending), 2)) == [first, second]
    assert len(set(_names(title, ending))) == 100


@pytest.mark.integration
def test_a_figure_is_a_widget_with_its_words(cell):
    result = cell.run(FIGURE)
    assert result.reply["status"] == "ok"
    figure = comm_of(result, "MPLCanvasModel")
    (shown,) = result.of("display_data")
    assert shown["data"][VIEW]["model_id"] == figure
    assert base64.b64decode(shown["data"]["image/png"]).startswith(b"\x89PNG")
    assert cell.value("figure.canvas.tooltip") == "'Plot: Fall; x axis: Time'"
    # The next cell shows nothing again.
    assert cell.run("axes.set_ylim(0, 20);").of("display_data") == []


@pytest.mark.integration
def test_ipympl_is_loaded_by_those_who_ask_for_it(cell):
    loaded = "import sys; print([name for name in ('ipympl', 'ipywidgets') if name in sys.modules])"
    assert cell.run(loaded).text() == "[]\n"
    assert cell.run("import matplotlib.pyplot as plt\nplt.plot([1])").of("comm_open") == []


def press(cell, figure, button):
    """Press a button of a figure's toolbar; returns the messages until the kernel is idle."""
    content = {"type": "toolbar_button", "name": button}
    data = {"method": "custom", "content": content}
    request = cell.request("comm_msg", comm_id=figure, data=data)
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["content"].get("execution_state") != "idle":
        message = cell.message()
        if message["parent_header"].get("msg_id") == request:
            heard.append(message)
    return heard


@pytest.mark.integration
def test_a_saved_figure_is_a_file_with_a_link(cell):
    result = cell.run(FIGURE)
    toolbar = comm_of(result, "ToolbarModel")
    heard = {message["msg_type"]: message for message in press(cell, toolbar, "save_figure")}
    file, shown = heard["sagecell_file"], heard["display_data"]
    assert file["content"]["name"] == "Figure 1.png"
    assert bytes(file["buffers"][0]).startswith(b"\x89PNG")
    link = {"application/x-file": "Figure 1.png", "text/plain": "Figure 1.png"}
    assert shown["content"]["data"] == link
    # As a program says, and without replacing anything.
    result = cell.run(
        'open("Figure 1.svg", "w").close(); plt.rcParams["savefig.format"] = "svg"; '
        "figure.canvas.download()"
    )
    assert [each["data"]["text/plain"] for each in result.of("display_data")] == [
        "Figure 1 (2).svg"
    ]
    assert [part["new_files"] for part in result.reply["payload"]] == [["Figure 1.svg"]]


@pytest.mark.integration
def test_a_figure_that_cannot_be_saved(cell):
    result = cell.run(
        f"{FIGURE}\nimport os, shutil; shutil.rmtree(os.getcwd()); figure.canvas.download()"
    )
    assert result.text("stderr") == "The figure could not be saved: No such file or directory.\n"


@pytest.mark.integration
def test_figures_of_an_interact_are_pictures(cell):
    code = "%matplotlib widget\nimport matplotlib.pyplot as plt\n@interact\ndef f(n=1): plt.plot([n, 2])"
    result = cell.run(code)
    shown = [each["data"] for each in result.of("display_data") if "image/png" in each["data"]]
    assert [VIEW in data for data in shown] == [False]
    assert cell.value("plt.get_fignums()") == "[]"
