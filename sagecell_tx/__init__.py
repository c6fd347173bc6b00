"""Live Python and Sage cells for web pages, served by Twisted."""

__version__ = "0.1.0"
