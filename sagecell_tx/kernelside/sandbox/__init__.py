"""How kernels are kept apart from the system and from one another."""
