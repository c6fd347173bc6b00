"""The controls of interacts, by family."""
