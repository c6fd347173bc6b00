"""Cells in the languages of GAP, GP, Maxima and Singular, run by the programs that Sage talks to."""
