"""A directory for each kernel, and its removal, whatever a program made in it."""
