"""A directory for each kernel, and its removal, whatever a stranger made in it."""
