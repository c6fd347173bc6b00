"""Machines that make themselves known through a controller of ipyparallel."""
