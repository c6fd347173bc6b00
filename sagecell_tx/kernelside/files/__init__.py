"""The files of a cell: its program, and those that it made, which are published."""
