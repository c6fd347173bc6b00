"""Tests of the levels of confinement, one module for each of theirs."""
