"""Completion and inspection of a program by analysing its text, without running any of it."""
