"""Completions for cells without a kernel, from one shared kernel."""
