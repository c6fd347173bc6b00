"""The kernels' access to the network: a forward proxy with an allowlist."""
