"""Tests of ``sagecell-tx run``."""
