"""Linux: system calls, processes, memory, scheduling groups."""
