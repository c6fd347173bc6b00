"""Level ``namespaces``, and what a kernel has of its own in each of its namespaces."""
