"""What the pages say about the server."""

from __future__ import annotations

import pytest

from sagecell_tx.http.pages.facts import TITLES, filled_in, language
from sagecell_tx.kernelside.languages import NAMES
from sagecell_tx.sessions.interfaces import HostStatus


def status(environment: str, *languages: str, **versions: str) -> HostStatus:
    return HostStatus(
        sandbox="none", environment=environment, languages=languages, versions=versions
    )


def test_every_language_has_a_title():
    assert TITLES.keys() == {"sage", "python", *NAMES}


@pytest.mark.parametrize(
    ("environment", "expected"), [("sage", "sage"), ("python", "python"), ("", "python")]
)
def test_programs_without_a_language_are_in_that_of_the_environment(environment, expected):
    assert language(status(environment)) == expected


def test_the_language_and_all_languages_are_filled_in():
    page = b"<title>{{language}}</title><p>{{languages}}</p>{{other}}"
    sage = status("sage", "gap", "python", "sage", sage="10.8", python="3.11.2")
    assert filled_in(page, sage) == (
        b"<title>Sage</title><p>This server has Sage 10.8, Python 3.11.2 and GAP.</p>{{other}}"
    )
    assert filled_in(page, status("python", "python")) == (
        b"<title>Python</title><p>This server has Python.</p>{{other}}"
    )


def test_nothing_is_claimed_before_the_host_has_told():
    assert filled_in(b"<p>{{language}}{{languages}}</p>", status("")) == b"<p>Python</p>"


def test_what_the_host_tells_is_no_markup():
    hostile = status("<b>", "sage", "<script>", sage="<script>&\ud800")
    page = filled_in(b"{{language}}: {{languages}}", hostile)
    assert page == b"Python: This server has Sage &lt;script&gt;&amp;?."
