"""Sphinx's settings; ``make docs`` runs it on the project's directory.

The documents use only what every viewer of reStructuredText supports: links between them are paths
of files, and docs/index.rst is a plain list. Here, such links become Sphinx's own, and the list
becomes the contents of the sidebar. A table of a page's own contents is left out: the theme has one
at the side of each page, and shows an error in place of a second one.
"""

from __future__ import annotations

import logging
import posixpath
import re
from itertools import pairwise
from typing import Any

from docutils import nodes
from docutils.nodes import Element
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode

project = "sagecell-tx"
root_doc = "docs/index"
include_patterns = ["*.rst", "docs/**.rst"]
exclude_patterns = [
    ".*",
    "benchmarks",
    "build",
    "deploy",
    "newsfragments",
    "sagecell_tx",
    "tests",
    "web",
]
extensions = ["sphinx.ext.autodoc"]
html_theme = "furo"
html_title = project
html_copy_source = False
highlight_language = "none"
default_role = "py:obj"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

# Every reference has to resolve, except those to other packages and to internal modules.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(attrs|collections|h11|twisted|zope|sagecell_tx\.sessions\.listeners)\..*")
]

# The stores import it, and it logs much.
logging.getLogger("alembic").setLevel(logging.WARNING)


class LocalLinks(SphinxTransform):
    """Converts links by path, to other documents and to other files of the project."""

    default_priority = 100

    def apply(self, **kwargs: Any) -> None:
        """Replace docutils' references with Sphinx's."""
        here = posixpath.dirname(self.env.docname)
        for link in list(self.document.findall(nodes.reference)):
            target = link.get("refuri", "")
            if not target or ":" in target:
                continue
            path = posixpath.normpath(posixpath.join(here, target))
            options: dict[str, Any] = {"refdoc": self.env.docname, "refexplicit": True}
            new: Element
            if path.endswith(".rst"):
                options |= {"reftarget": f"/{path.removesuffix('.rst')}", "refwarn": True}
                new = addnodes.pending_xref("", refdomain="std", reftype="doc", **options)
            else:
                new = addnodes.download_reference("", reftarget=f"/{path}", **options)
            new.append(nodes.inline("", link.astext()))
            link.replace_self(new)


class NoContents(SphinxTransform):
    """Removes the tables of contents that documents have for other viewers, and the links of headings to them."""

    default_priority = 800  # they are filled at 720

    def apply(self, **kwargs: Any) -> None:
        """Remove docutils' nodes."""
        for topic in list(self.document.findall(nodes.topic)):
            if "contents" in topic["classes"]:
                topic.parent.remove(topic)
        for title in self.document.findall(nodes.title):
            title.attributes.pop("refid", None)


def list_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the documents that the index lists to the sidebar, under the index's headings."""
    if docname != root_doc:
        return
    for line, below in pairwise([*source[0].splitlines(), ""]):
        if below.startswith("---"):
            source[0] += f"\n.. toctree::\n   :hidden:\n   :caption: {line}\n\n"
        elif link := re.match(r"\* `(.+) <(.+)\.rst>`__", line):
            source[0] += f"   {link[1]} </{posixpath.normpath(f'docs/{link[2]}')}>\n"


def keep_lines(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make the indented parts of a docstring literal blocks."""
    told, before = list(lines), ""
    lines.clear()
    for line in told:
        if line.startswith("    ") and not before.startswith("    "):
            lines += ["::", ""]
        lines.append(line)
        before = line or before


def find_by_last_name(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, shown: Element
) -> Element | None:
    """Resolve `Kernel.send` in any module; names of parameters stay plain text."""
    target = node.get("reftarget", "")
    if node.get("reftype") != "obj":
        return None
    domain = env.get_domain("py")
    assert isinstance(domain, PythonDomain)
    found = domain.find_obj(env, "", "", target, None, 1)
    if len(found) == 1:
        ((name, entry),) = found
        assert app.builder is not None
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, shown, name)
    return shown if re.fullmatch(r"[a-z_]+", target) else None


def setup(app: Sphinx) -> None:
    """Register the extensions above; called by Sphinx."""
    app.add_transform(LocalLinks)
    app.add_transform(NoContents)
    app.connect("source-read", list_contents)
    app.connect("autodoc-process-docstring", keep_lines)
    app.connect("missing-reference", find_by_last_name)
