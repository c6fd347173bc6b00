"""A kernel's output on iopub: captured, queued, and written to its readers."""
