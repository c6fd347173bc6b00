"""A server of several processes: a keeper of what they share, and workers, each a web process of its own."""
