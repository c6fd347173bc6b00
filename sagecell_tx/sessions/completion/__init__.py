"""Completions for cells without a kernel, from one kernel for everybody."""
