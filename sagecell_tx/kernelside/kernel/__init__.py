"""The IPython kernel: its sockets, threads, messages and interrupts."""
