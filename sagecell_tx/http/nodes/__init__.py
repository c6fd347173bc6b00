"""Several servers of one machine: requests are forwarded to the one that has the kernel."""
