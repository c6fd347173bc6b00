"""Those who listen to a kernel: the log of its messages, and where each is in it."""
