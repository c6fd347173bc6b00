"""Graphs, which are shown as pictures, also where a program asks for Sage's page with D3."""

from __future__ import annotations

from typing import Any

from sage.graphs.generic_graph import GenericGraph

#: The options of Sage's page that a picture has as well.
_COMMON = frozenset({"edge_labels", "vertex_labels"})

_show = GenericGraph.show


def adapt() -> None:
    """Let ``show(method="js")`` show the picture: Sage's own would open a browser on the server."""
    GenericGraph.show = _show_picture


def _show_picture(graph: GenericGraph, method: str = "matplotlib", **options: Any) -> Any:
    """See `GenericGraph.show`."""
    if method == "js":
        options = {name: value for name, value in options.items() if name in _COMMON}
        method = "matplotlib"
    return _show(graph, method, **options)
