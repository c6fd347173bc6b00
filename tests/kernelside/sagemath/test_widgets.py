"""ipywidgets in kernels with Sage."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sage


def test_a_widget_takes_sages_numbers(cell):
    result = cell.run(
        "from ipywidgets import FloatSlider, IntSlider\n"
        "a, b = IntSlider(3, max=10), FloatSlider(value=1/2, step=1/10)\na.value + b.value"
    )
    assert result.reply["status"] == "ok"
    states = [content["data"]["state"] for content in result.of("comm_open")]
    values = [state["value"] for state in states if "Slider" in state["_view_name"]]
    assert values == [3, 0.5]
    assert len(result.of("kernel_timeout")) == 1


def test_ipywidgets_own_interact_works_beside_ours(cell):
    result = cell.run(
        "from ipywidgets import interact as theirs\ntheirs(lambda n: print(n ^ 2), n=(1, 9))"
    )
    assert result.reply["status"] == "ok"
    assert result.text() == "25\n"


def test_other_clients_may_ask_for_the_state_of_widgets(cell):
    cell.run("from ipywidgets import IntSlider\nIntSlider(3)")
    targets = cell.value("sorted(get_ipython().kernel.comm_manager.targets)")
    assert targets == "['jupyter.widget', 'jupyter.widget.control']"


def test_a_figure_of_matplotlib_is_a_widget_and_can_be_saved(cell):
    result = cell.run(
        "%matplotlib widget\nimport matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\n"
        "axes.plot([1/2, sqrt(2)])\nfigure.canvas.download()"
    )
    assert result.reply["status"] == "ok"
    names = [content["data"]["state"]["_model_name"] for content in result.of("comm_open")]
    assert "MPLCanvasModel" in names
    saved = [each["data"].get("application/x-file") for each in result.of("display_data")]
    assert "Figure 1.png" in saved
