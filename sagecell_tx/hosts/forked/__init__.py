"""Kernels that are forked from one process that has everything imported."""
