"""Pages with three-dimensional scenes, and their still pictures."""

from __future__ import annotations

import re

import pytest

from tests.kernelside.sagemath.displays import early_files, picture, value

pytestmark = [pytest.mark.sage, pytest.mark.integration]

SCRIPTS = ["../../../static/threejs/three.min.js", "../../../static/scene.js"]


def test_a_page_loads_scripts_of_this_server_alone(cell):
    """contract: 4.15"""
    for code in (
        "sphere()",
        "sphere(online=True)",
        "sphere().show(viewer='threejs', online=True)",
        "threejs(sphere())",
        "var('y'); plot3d(x*y, (x, -1, 1), (y, -1, 1)).show()",
        "line3d([(0, 0, 0), (1, 1, 1)], thickness=5)",
        "text3d('words', (0, 0, 0))",
        "graphs.PetersenGraph().plot3d()",
        "polytopes.cube().plot()",
        "animate([sphere(), sphere(color='red')]).interactive()",
    ):
        data = value(cell, code)
        assert 'width="100%"' in data["text/html"]
        (name,) = re.findall(r'<iframe src="cell://([^"]*)"', data["text/html"])
        page = (cell.work / name).read_text()
        assert re.findall(r'<script src="([^"]*)"', page) == SCRIPTS, code
        assert "jsdelivr" not in page
        still = cell.work / data["text/image-filename"]
        assert still.read_bytes().startswith(b"\x89PNG")
        assert still.with_suffix(".html").name == name  # web/src/scene/still.ts relies on it


def test_the_page_is_there_before_its_frame(cell):
    result = cell.run("sphere()")
    (content,) = result.of("execute_result")
    still = content["data"]["text/image-filename"]
    assert early_files(result) == {still, still.replace(".png", ".html")}
    assert result.reply["payload"] == []


def test_scenes_for_other_viewers_are_pictures(cell):
    for viewer in ("tachyon", "jmol", "canvas3d", "wavefront"):
        data = value(cell, f"show(sphere(), viewer='{viewer}')")
        assert picture(data).startswith(b"\x89PNG")


def test_without_room_for_files_there_is_the_picture(cell):
    cell.run("import os, shutil; shutil.rmtree(os.getcwd())")
    result = cell.run("sphere()")
    (content,) = result.of("execute_result")
    assert picture(content["data"]).startswith(b"\x89PNG")
    assert set(content["data"]) == {"image/png", "text/plain"}
    assert "no room for its file" in result.text("stderr")
