"""A kernel's listeners: the log of its messages, and each listener's position in it."""
