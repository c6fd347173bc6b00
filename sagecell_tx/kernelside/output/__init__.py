"""What a kernel publishes on iopub: captured, queued, and written to its readers."""
