"""Connections between the web process and agents, as both ends have them."""
