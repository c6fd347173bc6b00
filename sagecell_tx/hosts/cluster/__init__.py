"""Kernels on other machines: an agent on each starts them, and this process places them."""
