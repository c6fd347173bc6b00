"""Sage's values as displays of the page."""
