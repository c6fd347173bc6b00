"""Builds the server from its settings: the only package that joins adapters to policy."""
