"""What operators are told: the server's status, and its access log."""
