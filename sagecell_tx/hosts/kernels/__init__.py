"""Kernels as this process has them, wherever their processes are."""
