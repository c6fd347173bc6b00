"""What kernels reach of the network: a forward proxy that knows an allowlist."""
