"""Sage: what it needs in the fork server and in kernels. The only package that imports it."""
