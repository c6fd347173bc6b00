"""Pages without jQuery have one when the script has ended, however they load the script."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.author import Author
from tests.browser.test_policies import documented

pytestmark = pytest.mark.browser

LOOK = "window.seen = [typeof jQuery, typeof $];"
THERE = ["function", "function"]

#: Adds the script that a page's own script adds, and looks when it has been loaded.
ADD = "var s = document.createElement('script'); s.src = '{}'; s.onload = function () {{ {} }};"

REQUESTED = (
    "return performance.getEntriesByType('resource').map((each) => new URL(each.name).pathname)"
)


def seen(author: Author, head: str, *, policy: str = "") -> Any:
    """What `LOOK` has seen on a page, once the page has been loaded."""
    reader = author.reader
    reader.browser.get(author.book.page(head, "<p>A page</p>", policy=policy))
    reader.until(lambda: reader.javascript("return document.readyState") == "complete")
    return reader.until(lambda: reader.javascript("return window.seen"))


def test_however_the_script_is_loaded(author):
    """contract: 6.3"""
    address = f"{author.cells}/static/embedded_sagecell.js"
    look = author.book.script(LOOK)
    add = ADD.format(address, LOOK)
    for head in (
        f"{author.script}<script>{LOOK}</script>",
        f'<script async src="{address}" onload="{LOOK}"></script>',
        f'<script defer src="{address}"></script><script defer src="{look}"></script>',
        f"<script>{add} document.head.append(s);</script>",
        f"<script>{add} s.async = false; document.head.append(s);</script>",
        f"<script>addEventListener('load', () => {{ {add} document.head.append(s); }});</script>",
    ):
        assert seen(author, head) == THERE, head
    assert seen(author, f"<script>$ = 7;</script>{author.script}<script>{LOOK}</script>") == [
        "function",
        "number",
    ]


def test_where_the_policy_allows_nothing_inline(author):
    """contract: 6.3"""
    look = author.book.script(LOOK)
    policy = documented(author)
    head = f'{author.script}<script src="{look}"></script>'
    assert seen(author, head, policy=policy) == THERE
    nonce = f'<script nonce="n1" src="{author.cells}/static/embedded_sagecell.js"></script>'
    strict = "default-src 'none'; script-src 'nonce-n1' 'strict-dynamic'"
    strict += f"; style-src {author.cells}"
    assert seen(author, f'{nonce}<script nonce="n1">{LOOK}</script>', policy=strict) == THERE
    assert author.reader.complaints() == []
    add = ADD.format(f"{author.cells}/static/embedded_sagecell.js", LOOK)
    added = author.book.script(f"{add} document.head.append(s);")
    assert seen(author, f'<script src="{added}"></script>', policy=policy) == THERE
    # The browser reports the attempt to run it at once.
    complaints = author.reader.complaints()
    assert all("Executing inline script violates" in each for each in complaints), complaints


def test_pages_that_need_none_do_not_request_it(author):
    """contract: 6.3"""
    own = '<script src="/npm/jquery/dist/jquery.min.js"></script>'
    declining = author.script.replace("<script", '<script data-jquery="none"')
    for head, there in ((own + author.script, THERE), (declining, ["undefined"] * 2)):
        assert seen(author, f"{head}<script>{LOOK}</script>") == there
        requested = author.reader.javascript(REQUESTED)
        assert "/static/embedded_sagecell.js" in requested
        assert "/static/embedded_jquery.js" not in requested


def test_the_servers_page_requests_each_script_once_and_no_jquery(reader):
    requested = reader.javascript(REQUESTED)
    scripts = [path for path in requested if path.endswith((".js", ".css"))]
    assert sorted(scripts) == sorted(set(scripts))
    assert [path for path in scripts if "jquery" in path] == []
    # Requested by the page itself, and not only by what it has loaded.
    preloaded = reader.javascript(
        "return [...document.querySelectorAll('link[rel=modulepreload], link[rel=preload]')]"
        ".map(({href}) => new URL(href).pathname)"
    )
    assert set(scripts) >= set(preloaded)
    assert {path.rpartition("/")[2].partition("-")[0] for path in preloaded} >= {
        "embedded_cells.css",
        "embedded_cells.js",
        "cells",
        "editor",
    }
