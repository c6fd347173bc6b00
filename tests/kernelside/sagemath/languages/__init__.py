"""Cells in other languages, run by the programs that Sage talks to."""
