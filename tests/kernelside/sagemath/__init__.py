"""Kernels with Sage, in real processes."""
