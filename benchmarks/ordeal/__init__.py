"""Visitors of a whole cluster while everything in it fails, one thing after the other."""
