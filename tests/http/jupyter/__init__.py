"""Tests of the interface of Jupyter Server."""
