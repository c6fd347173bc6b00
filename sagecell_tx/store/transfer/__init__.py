"""A whole database: written to a file, read from one, taken over from SageMathCell, checked, pruned."""
