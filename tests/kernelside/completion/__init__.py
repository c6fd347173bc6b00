"""Answers about programs that have not run."""
