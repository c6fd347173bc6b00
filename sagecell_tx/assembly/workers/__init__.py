"""A server of several processes, from its settings."""
