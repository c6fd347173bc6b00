"""Completion and inspection in Sage's language."""
