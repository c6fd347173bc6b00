"""A client's connection: accepted, bounded, timed, and fair to the others."""
