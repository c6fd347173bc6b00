"""Permalinks and files, and nothing else, in a database."""
