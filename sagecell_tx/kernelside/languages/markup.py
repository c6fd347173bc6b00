"""HTML as a cell's language."""

from __future__ import annotations


def html(text: str) -> None:
    """Show HTML on the page."""
    from IPython.display import HTML, display

    display(HTML(text))
