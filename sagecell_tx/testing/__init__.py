"""Doubles that keep the promises of the real things, in memory, for tests and embedders."""
