"""What runs on the untrusted side; it imports nothing of the server and never Twisted."""
