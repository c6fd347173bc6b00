"""A kernel's requests: those in flight, how they end, and interrupts."""
