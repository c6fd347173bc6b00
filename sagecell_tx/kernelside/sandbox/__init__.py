"""Confinement: kernels are isolated from the system and from one another."""
