"""The news of a release can be built, whatever fragments there are."""

from __future__ import annotations

import tomllib

import pytest
from docutils.core import publish_doctree

from tests.news import FRAGMENTS, KINDS, PROJECT, build, numbered


def test_words_become_numbers():
    assert numbered(
        ["3.bugfix.two.rst", "3.bugfix.one.rst", "3.feature.rst", "10.bugfix.one.rst"]
    ) == {
        "10.bugfix.one.rst": "10.bugfix.1.rst",
        "3.bugfix.one.rst": "3.bugfix.1.rst",
        "3.bugfix.two.rst": "3.bugfix.2.rst",
        "3.feature.rst": "3.feature.1.rst",
    }


@pytest.mark.parametrize(
    "name",
    ["feature.rst", "word.feature.rst", "3.feature.a.b.rst", "3.feature.a.txt", "3.novelty.a.rst"],
)
def test_a_fragment_of_another_form_is_an_error(name):
    with pytest.raises(ValueError, match="fragments are named"):
        numbered([name])


def test_every_fragment_is_in_the_news_with_its_issue():
    news = build(PROJECT, "9.9.9")
    publish_doctree(news, settings_overrides={"halt_level": 2, "report_level": 5})
    words = " ".join(news.split())
    for path in (PROJECT / FRAGMENTS).glob("*.rst"):
        assert " ".join(path.read_text(encoding="utf-8").split()) in words, path.name
        assert f"#{path.name.split('.')[0]}" in words
    assert "sagecell-tx 9.9.9" in news


def test_the_kinds_are_those_of_towncrier():
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert tuple(kind["directory"] for kind in settings["tool"]["towncrier"]["type"]) == KINDS
