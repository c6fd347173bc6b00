"""For operators: the server's status, and its access log."""
