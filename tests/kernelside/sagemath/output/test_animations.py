"""Animations are GIF pictures, which need no program beside Python."""

from __future__ import annotations

import pytest

from tests.kernelside.sagemath.displays import picture, value, words

pytestmark = [pytest.mark.sage, pytest.mark.integration]

CIRCLES = "animate([circle((0, 0), 1, color=c) for c in ['red', 'blue']])"
LOOK = "from PIL import Image; gif = Image.open('a.gif'); (gif.n_frames, gif.info['duration'], gif.info.get('loop'))"


def test_an_animation_is_displayed(cell):
    for code in (CIRCLES, f"{CIRCLES}.show()", f"show({CIRCLES})", "animate([sphere(), cube()])"):
        data = value(cell, code)
        assert picture(data, "image/gif").startswith(b"GIF8")
        name = data["text/image-filename"]
        assert (cell.work / name).read_bytes() == picture(data, "image/gif")
        assert data["text/plain"] == "Animation with 2 frames"


def test_the_pace_and_the_number_of_repetitions(cell):
    for options, made in {
        "": "(2, 200, 0)",
        ", delay=50, iterations=3": "(2, 500, 2)",
        ", iterations=1": "(2, 200, None)",
    }.items():
        assert cell.value(f"{CIRCLES}.save('a.gif'{options})\n{LOOK}") == made


def test_a_file_gets_its_ending(cell):
    result = cell.run(f"{CIRCLES}.gif(savefile='plot', show_path=True)")
    assert result.text() == "Animation saved to file plot.gif.\n"
    assert (cell.work / "plot.gif").is_file()


def test_without_frames_there_is_no_picture(cell):
    result = cell.run("animate([]).gif(savefile='a.gif')")
    assert "ValueError: This animation has no frames." in words(result)


def test_a_video_is_shown_as_gif(cell):
    result = cell.run(f"{CIRCLES}.show(format='mp4')")
    (content,) = result.of("display_data")
    assert "image/gif" in content["data"]
    said = result.text("stderr")
    assert said == "Animations are shown as GIF: this server makes no videos.\n"
