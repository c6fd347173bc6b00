"""Tests; the tree mirrors that of the package."""
