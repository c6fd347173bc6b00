"""Displays of Sage's values."""
