"""Plots are shown in the page whatever backend is asked for, with words for who cannot see them."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pytest
from matplotlib.figure import Figure

from sagecell_tx.kernelside.kernel.formatter import CellFormatter
from sagecell_tx.kernelside.output.figures import description
from tests.kernelside.driving import Result, Server

PRELOAD = "numpy,matplotlib.pyplot"

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def pictures(result: Result) -> list[str]:
    """The alternative texts of the pictures that were shown."""
    assert result.reply["status"] == "ok", result.reply
    shown = [content for content in result.of("display_data") if "image/png" in content["data"]]
    for content in shown:
        assert base64.b64decode(content["data"]["image/png"]).startswith(b"\x89PNG")
    return [content["metadata"]["image/png"]["alt"] for content in shown]


# --- in memory


def test_the_words_of_a_plot():
    figure = Figure()
    assert description(figure) == "Plot without a title"
    left, right = figure.subplots(1, 2)
    left.set(title="Fall of\na stone", xlabel="Time", ylabel="Height")
    right.set(ylabel="Speed")
    assert description(figure) == (
        "Plot: Fall of a stone; x axis: Time; y axis: Height; y axis: Speed"
    )
    figure.suptitle("Physics")
    assert description(figure).startswith("Plot: Physics; Fall of a stone; ")
    left.set_title("x" * 1000)
    assert len(description(figure)) == 500


def test_the_words_of_a_broken_plot_and_of_no_plot(monkeypatch):
    figure = Figure()
    monkeypatch.setattr(figure, "get_suptitle", None)
    assert description(figure) == "Plot without a title"
    assert description(5) == ""


def test_the_words_belong_to_each_picture():
    formatter = CellFormatter()
    svg = formatter.formatters["image/svg+xml"]
    svg.for_type(Figure, lambda figure: ("<svg/>", {"width": 5}))
    _, metadata = formatter.format(Figure())
    assert metadata == {"image/svg+xml": {"alt": "Plot without a title", "width": 5}}
    svg.for_type(Figure, lambda figure: ("<svg/>", {"alt": "mine"}))
    assert formatter.format(Figure())[1] == {"image/svg+xml": {"alt": "mine"}}


class Files:
    """Keeps files in memory."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, bytes]] = []

    def keep(self, contents: Mapping[str, bytes]) -> str:
        self.kept.append(contents)
        return "name"


def test_a_plot_is_a_file_where_plots_have_files():
    """contract: 4.10"""
    formatter = CellFormatter()
    formatter.formatters["image/png"].for_type(Figure, lambda figure: PIXEL)
    assert "text/image-filename" not in formatter.format(Figure())[0]
    formatter.shown_files = files = Files()
    data, _ = formatter.format(Figure())
    assert data["text/image-filename"] == "name.png"
    assert list(data).index("image/png") < list(data).index("text/image-filename")
    assert files.kept == [{".png": base64.b64decode(PIXEL)}]
    formatter.format(5)
    assert len(files.kept) == 1
    assert formatter.format(5)[1] == {}


# --- in a kernel


@pytest.mark.integration
@pytest.mark.parametrize(
    "choose",
    [
        'matplotlib.use("Agg")',
        'matplotlib.use("TkAgg")',
        'matplotlib.use("svg")',
        'matplotlib.rcParams["backend"] = "agg"',
        'import matplotlib.pyplot as plt; plt.switch_backend("agg")',
        "%matplotlib agg",
    ],
)
def test_plots_whatever_the_backend(cell, choose):
    """`matplotlib.use("Agg")` before plotting, and its relatives; with and without `show`."""
    code = f"""
import matplotlib
{choose}
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.title("First")
plt.show()
print("between")
plt.plot([2, 1])
plt.title("Second")
"""
    result = cell.run(code)
    assert pictures(result) == ["Plot: First", "Plot: Second"]
    assert result.text("stderr") == ""
    kinds = [message["msg_type"] for message in result.messages]
    assert [kind for kind in kinds if kind in ("display_data", "stream")] == [
        "display_data",
        "stream",
        "display_data",
    ]


@pytest.mark.integration
def test_plots_where_pyplot_is_not_loaded_before(tmp_path):
    server = Server(tmp_path, "numpy")
    code = (
        'import matplotlib\nmatplotlib.use("Agg")\nimport matplotlib.pyplot as plt\nplt.plot([1])'
    )
    cell = server.start()
    assert pictures(cell.run(code)) == ["Plot without a title"]
    cell.stop()
    cell = server.start()
    code = 'import os\nos.environ["MPLBACKEND"] = "agg"\nfrom pylab import *\nplot([1]); show()'
    assert pictures(cell.run(code)) == ["Plot without a title"]
    cell.stop()
    assert server.close() == 0


@pytest.mark.integration
def test_an_unknown_backend_is_still_refused(cell):
    code = 'import matplotlib.pyplot as plt\nplt.switch_backend("nonsense")'
    assert cell.run(code).reply["ename"] == "ValueError"


@pytest.mark.integration
def test_the_words_of_plots_and_pictures(cell):
    code = """
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.set(title="Fall", xlabel="Time", ylabel="Height")
display(figure)
plt.close()
"""
    assert pictures(cell.run(code)) == ["Plot: Fall; x axis: Time; y axis: Height"]
    code = "@interact\ndef f(n=1):\n    plt.plot([n, 2])\n    plt.xlabel('Time')"
    assert pictures(cell.run(code)) == ["Plot: x axis: Time"]
    code = f"""
import base64
from collections.abc import Mapping
from IPython.display import Image
display(Image(base64.b64decode({PIXEL!r}), alt="A cat"))
"""
    assert pictures(cell.run(code)) == ["A cat"]
