"""A client of a server: ``sagecell-tx run``."""
