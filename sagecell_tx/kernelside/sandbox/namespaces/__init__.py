"""Level ``namespaces``, with a module for each kind of resource that it isolates."""
