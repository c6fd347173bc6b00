"""The few tests that fork and open ports."""
