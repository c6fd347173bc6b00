"""The files of a cell: its program, what it made, and how that leaves the kernel."""
