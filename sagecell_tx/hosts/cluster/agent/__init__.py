"""The agent: the service of a machine whose kernels belong to web processes elsewhere."""
