"""What a kernel is working on: requests in flight, interrupts, and their ends."""
