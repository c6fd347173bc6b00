"""What this process has of the machine, and what it tells systemd."""
